//! Real servers on the loopback interface: nginx over a mirror, and a line to it that breaks.

use std::collections::VecDeque;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use crate::program::Program;

/// nginx, serving a mirror below several prefixes: `open` as it is; `whole` without ranges; `busy` with 429 until
/// [`Nginx::calm`]; `down` with 503; `forbidden` with 403; `private` for the user `u` with the password `hunter2`.
pub(super) struct Nginx {
    folder: PathBuf,
    pub(super) port: u16,
    /// Where it speaks TLS; its certificate signs itself, so nobody trusts it unless told to.
    tls_port: u16,
}

impl Nginx {
    /// Before the folder `mirror` in a folder.
    pub(super) fn start(folder: &Path) -> Self {
        Self::serve(folder, "")
    }

    /// Before a registry, as one that wants a token and says where to get it.
    pub(super) fn before(folder: &Path, registry: u16) -> Self {
        let gate = r#"
    location /v2/ {
      proxy_pass http://127.0.0.1:REGISTRY;
      add_header WWW-Authenticate 'Bearer realm="http://127.0.0.1:$server_port/token",service="test"' always;
      if ($http_authorization != "Bearer sesame") { return 401; }
    }
    location = /token {
      if ($args != "service=test&scope=repository%3Akimage%2Ftest%3Apull") { return 403; }
      return 200 '{"token": "sesame"}';
    }"#;
        Self::serve(folder, &gate.replace("REGISTRY", &registry.to_string()))
    }

    fn serve(folder: &Path, locations: &str) -> Self {
        let folder = folder.join("nginx");
        let root = folder.join("root");
        fs::create_dir_all(&root).unwrap();
        for prefix in ["open", "whole", "busy", "down", "forbidden", "private"] {
            std::os::unix::fs::symlink("../../mirror", root.join(prefix)).unwrap();
        }
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        fs::write(folder.join("certificate.pem"), own.cert.pem()).unwrap();
        fs::write(folder.join("key.pem"), own.signing_key.serialize_pem()).unwrap();
        fs::write(folder.join("passwords"), "u:{PLAIN}hunter2\n").unwrap();
        // Another process may take the port between asking for a free one and nginx listening on it.
        for _ in 0..20 {
            let (port, tls_port) = (free_port(), free_port());
            let configuration = configuration(&folder, port, tls_port, locations);
            fs::write(folder.join("nginx.conf"), configuration).unwrap();
            let this = Self {
                folder: folder.clone(),
                port,
                tls_port,
            };
            match this.program().run() {
                Ok(_) => return this,
                Err(error) if error.to_string().contains("Address already in use") => {
                    std::mem::forget(this);
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("no port is free")
    }

    fn program(&self) -> Program {
        Program::new("nginx")
            .arg("-p")
            .arg(&self.folder)
            .arg("-e")
            .arg(self.folder.join("error.log"))
            .args(["-c", "nginx.conf"])
    }

    /// The mirror below a prefix.
    pub(super) fn url(&self, prefix: &str) -> String {
        format!("http://127.0.0.1:{}/{prefix}", self.port)
    }

    /// The mirror below a prefix, by TLS.
    pub(super) fn tls_url(&self, prefix: &str) -> String {
        format!("https://127.0.0.1:{}/{prefix}", self.tls_port)
    }

    /// The certificate that its TLS uses, which signs itself.
    pub(super) fn authority(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    /// Ends the rush at `busy`.
    pub(super) fn calm(&self) {
        fs::write(self.folder.join("root/calm"), "").unwrap();
    }

    /// What was asked for an artifact's own file: status, range, and whether the range had a condition.
    pub(super) fn requests(&self, file: &str) -> Vec<String> {
        let log = fs::read_to_string(self.folder.join("access.log")).unwrap_or_default();
        log.lines()
            .filter_map(|line| line.strip_suffix(&format!("/{file}")))
            .map(|line| line.rsplit_once(' ').unwrap().0.to_owned())
            .collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.program().args(["-s", "stop"]).run().unwrap();
    }
}

fn configuration(folder: &Path, port: u16, tls_port: u16, locations: &str) -> String {
    let folder = folder.display();
    format!(
        r#"
pid {folder}/pid;
master_process off;
events {{}}
http {{
  log_format requests '$status $http_range $http_if_range $uri';
  access_log {folder}/access.log requests;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls_port} ssl;
    ssl_certificate {folder}/certificate.pem;
    ssl_certificate_key {folder}/key.pem;
    root {folder}/root;
    location /whole/ {{ max_ranges 0; }}
    location /busy/ {{
      add_header Retry-After 7 always;
      if (!-f $document_root/calm) {{ return 429; }}
    }}
    location /down/ {{ return 503; }}
    location /forbidden/ {{ deny all; }}
    location /private/ {{ auth_basic mirror; auth_basic_user_file {folder}/passwords; }}
    {locations}
  }}
}}
"#
    )
}

/// A port that nobody listens on, at this moment.
pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port()
}

/// What happens to one connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Line {
    /// It breaks after this many bytes of the answer.
    Cut(usize),
    /// It is reset at once.
    Reset,
    /// It holds.
    Good,
}

/// Forwards connections to a port of this machine. The first ones meet what `lines` say, in order; all others are good.
/// Answers the port to connect to. The thread ends with the test's process.
pub(super) fn flaky(to: u16, lines: impl IntoIterator<Item = Line>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let lines: Mutex<VecDeque<Line>> = Mutex::new(lines.into_iter().collect());
    thread::spawn(move || {
        for near in listener.incoming() {
            let line = lines.lock().unwrap().pop_front().unwrap_or(Line::Good);
            thread::spawn(move || forward(near.unwrap(), to, line));
        }
    });
    port
}

fn forward(mut near: TcpStream, to: u16, line: Line) {
    if matches!(line, Line::Reset) {
        // Closing with bytes unread makes the kernel send a reset instead of an end.
        let _ = near.read(&mut [0]);
        return;
    }
    let mut far = TcpStream::connect(("127.0.0.1", to)).unwrap();
    let (mut requests, mut server) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut requests, &mut server);
        let _ = server.shutdown(Shutdown::Write);
    });
    let _ = match line {
        Line::Cut(bytes) => std::io::copy(&mut (&mut far).take(bytes as u64), &mut near),
        _ => std::io::copy(&mut far, &mut near),
    };
    let _ = near.flush();
    let _ = near.shutdown(Shutdown::Both);
    let _ = far.shutdown(Shutdown::Both);
}
