//! The network between the machines: an Ethernet switch inside this process.
//!
//! A machine is plugged in by one end of a socket pair, which QEMU inherits and speaks its `stream` protocol on: each
//! frame after its size in four bytes, big-endian. So the network has no name, no address and no interface on this
//! machine, and ends with the process. A frame goes where its destination was last seen, else to all other ports; a
//! port that does not take its frames loses them, as on a wire. QEMU's user network answers for any address that it
//! hears of, so it hears only what is meant for it: see [`Segment::plug_user_network`].

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// QEMU's own limit: 64 KiB of offloaded packet and headers.
const FRAME_LIMIT: usize = 4096 + 65536;
/// Frames that wait for a machine before more are lost.
const QUEUE: usize = 512;

type Mac = [u8; 6];

/// An Ethernet switch. Clones are the same switch.
#[derive(Clone, Default)]
pub struct Segment(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    ports: BTreeMap<u64, Port>,
    stations: BTreeMap<Mac, u64>,
    next: u64,
}

struct Port {
    queue: SyncSender<Arc<[u8]>>,
    /// The one station behind it, where that must hear nothing but what is sent to it, and ARP.
    station: Option<Mac>,
}

impl Segment {
    /// A switch with nothing plugged in.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new port: the end of the wire that a machine gets. When the machine closes it, the port is gone. `seen` is
    /// called once, when a frame tells that the machine uses `address`.
    pub fn plug(
        &self,
        address: Ipv4Addr,
        seen: impl FnOnce() + Send + 'static,
    ) -> io::Result<UnixStream> {
        self.plug_station(None, address, seen)
    }

    /// A new port for a user network of QEMU's that has the given address. It would reset connections between others if
    /// it heard of them, because it takes every address for one of its own.
    pub(super) fn plug_user_network(&self, address: Ipv4Addr) -> io::Result<UnixStream> {
        let [a, b, c, d] = address.octets();
        // The hardware address that libslirp makes from its own address.
        self.plug_station(Some([0x52, 0x55, a, b, c, d]), address, || {})
    }

    fn plug_station(
        &self,
        station: Option<Mac>,
        address: Ipv4Addr,
        seen: impl FnOnce() + Send + 'static,
    ) -> io::Result<UnixStream> {
        let (machine, here) = UnixStream::pair()?;
        let incoming = here.try_clone()?;
        let (queue, waiting) = sync_channel(QUEUE);
        let port = {
            let mut table = self.table();
            table.next += 1;
            let port = table.next;
            table.ports.insert(port, Port { queue, station });
            port
        };
        let segment = self.clone();
        thread::spawn(move || {
            segment.receive(port, incoming, address, seen);
            segment.unplug(port);
        });
        thread::spawn(move || send(here, &waiting));
        Ok(machine)
    }

    /// Takes a port's frames until the machine closes it or talks nonsense.
    fn receive(&self, port: u64, mut machine: UnixStream, address: Ipv4Addr, seen: impl FnOnce()) {
        let mut seen = Some(seen);
        while let Ok(framed) = read_frame(&mut machine) {
            let frame = &framed[4..];
            if sender(frame) == Some(address)
                && let Some(seen) = seen.take()
            {
                seen();
            }
            self.forward(port, &framed);
        }
    }

    fn forward(&self, from: u64, framed: &Arc<[u8]>) {
        let frame = &framed[4..];
        let Some((destination, source)) = stations(frame) else {
            return;
        };
        let mut table = self.table();
        table.stations.insert(source, from);
        let to = table.stations.get(&destination).copied();
        for (number, port) in &table.ports {
            let hears = port
                .station
                .is_none_or(|station| station == destination || is_arp(frame));
            if *number != from && to.is_none_or(|to| to == *number) && hears {
                // A full queue is a lost frame; a closed one is a machine that is being unplugged.
                let _ = port.queue.try_send(framed.clone());
            }
        }
    }

    fn unplug(&self, port: u64) {
        let mut table = self.table();
        table.ports.remove(&port);
        table.stations.retain(|_, at| *at != port);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Every change of the table is whole before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a machine its frames until the port is unplugged or the machine is gone.
fn send(mut machine: UnixStream, waiting: &Receiver<Arc<[u8]>>) {
    while let Ok(framed) = waiting.recv() {
        if machine.write_all(&framed).is_err() {
            return;
        }
    }
}

/// The next frame, its size before it.
fn read_frame(from: &mut impl Read) -> io::Result<Arc<[u8]>> {
    let mut size = [0; 4];
    from.read_exact(&mut size)?;
    let bytes = usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX);
    if bytes > FRAME_LIMIT {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    let mut framed = vec![0; 4 + bytes];
    framed[..4].copy_from_slice(&size);
    from.read_exact(&mut framed[4..])?;
    Ok(framed.into())
}

/// Where a frame goes and where it comes from. A group address is no station, so it is never learned as a source.
fn stations(frame: &[u8]) -> Option<(Mac, Mac)> {
    let destination = frame.get(..6)?.try_into().ok()?;
    let source: Mac = frame.get(6..12)?.try_into().ok()?;
    (source[0] & 1 == 0).then_some((destination, source))
}

fn is_arp(frame: &[u8]) -> bool {
    frame.get(12..14) == Some(&[0x08, 0x06])
}

/// The IPv4 address that a frame's sender has: from an ARP packet or an IPv4 header.
fn sender(frame: &[u8]) -> Option<Ipv4Addr> {
    let at = match frame.get(12..14)? {
        [0x08, 0x06] => 28,
        [0x08, 0x00] => 26,
        _ => return None,
    };
    let address: [u8; 4] = frame.get(at..at + 4)?.try_into().ok()?;
    Some(address.into())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const A: Mac = [0x52, 0x54, 0, 0, 0, 1];
    const B: Mac = [0x52, 0x54, 0, 0, 0, 2];
    const ALL: Mac = [0xff; 6];

    fn frame(to: Mac, from: Mac, address: [u8; 4]) -> Vec<u8> {
        let mut frame = vec![];
        frame.extend(to);
        frame.extend(from);
        frame.extend([0x08, 0x06]);
        frame.extend([0; 14]);
        frame.extend(address);
        frame
    }

    fn put(wire: &mut UnixStream, frame: &[u8]) {
        wire.write_all(&u32::try_from(frame.len()).unwrap().to_be_bytes())
            .unwrap();
        wire.write_all(frame).unwrap();
    }

    fn take(wire: &mut UnixStream) -> Option<Vec<u8>> {
        wire.set_read_timeout(Some(Duration::from_millis(500)))
            .unwrap();
        read_frame(wire).ok().map(|framed| framed[4..].to_vec())
    }

    fn port(segment: &Segment) -> UnixStream {
        segment.plug(Ipv4Addr::UNSPECIFIED, || {}).unwrap()
    }

    #[test]
    fn a_frame_to_a_known_station_goes_to_its_port_only() {
        let segment = Segment::new();
        let (mut a, mut b, mut c) = (port(&segment), port(&segment), port(&segment));
        let asks = frame(ALL, A, [10, 0, 0, 1]);
        put(&mut a, &asks);
        assert_eq!(take(&mut b), Some(asks.clone()));
        assert_eq!(take(&mut c), Some(asks));
        let answers = frame(A, B, [10, 0, 0, 2]);
        put(&mut b, &answers);
        assert_eq!(take(&mut a), Some(answers));
        assert_eq!(take(&mut c), None);
    }

    #[test]
    fn a_machine_that_is_plugged_in_again_is_found_at_its_new_port() {
        let segment = Segment::new();
        let (mut a, mut b) = (port(&segment), port(&segment));
        put(&mut b, &frame(ALL, B, [10, 0, 0, 2]));
        assert!(take(&mut a).is_some());
        drop(b);
        let mut b = port(&segment);
        put(&mut b, &frame(ALL, B, [10, 0, 0, 2]));
        assert!(take(&mut a).is_some());
        put(&mut a, &frame(B, A, [10, 0, 0, 1]));
        assert!(take(&mut b).is_some());
    }

    #[test]
    fn a_user_network_hears_only_what_is_meant_for_it() {
        let segment = Segment::new();
        let mut a = port(&segment);
        let mut user = segment.plug_user_network([10, 0, 0, 9].into()).unwrap();
        let station = [0x52, 0x55, 10, 0, 0, 9];
        let mut packet = frame(B, A, [10, 0, 0, 1]);
        packet[12..14].copy_from_slice(&[0x08, 0x00]);
        put(&mut a, &packet);
        assert_eq!(take(&mut user), None);
        packet[..6].copy_from_slice(&station);
        put(&mut a, &packet);
        assert_eq!(take(&mut user), Some(packet));
        let asks = frame(ALL, A, [10, 0, 0, 1]);
        put(&mut a, &asks);
        assert_eq!(take(&mut user), Some(asks));
    }

    #[test]
    fn a_machine_that_takes_no_frames_does_not_stop_the_others() {
        let segment = Segment::new();
        let (mut a, mut b, _asleep) = (port(&segment), port(&segment), port(&segment));
        let mut large = frame(ALL, A, [10, 0, 0, 1]);
        large.resize(60_000, 0);
        for _ in 0..1000 {
            put(&mut a, &large);
            assert!(take(&mut b).is_some());
        }
    }

    #[test]
    fn a_machine_is_seen_once_it_uses_its_address() {
        let segment = Segment::new();
        let (tell, told) = mpsc::channel();
        let mut wire = segment
            .plug([10, 0, 0, 1].into(), move || tell.send(()).unwrap())
            .unwrap();
        put(&mut wire, &frame(ALL, A, [0, 0, 0, 0]));
        assert!(told.recv_timeout(Duration::from_millis(200)).is_err());
        put(&mut wire, &frame(ALL, A, [10, 0, 0, 1]));
        assert!(told.recv_timeout(Duration::from_secs(5)).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_frame_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = stations(&bytes);
            let _ = sender(&bytes);
            let _ = read_frame(&mut bytes.as_slice());
        }
    }
}
