//! Time zones, and what keeps the clock.

use super::{Checker, Finding};
use crate::blueprint::TimeSync;
use crate::spec::file::{HostSection, TimeServiceFile};
use crate::spec::pointer::Pointer;

/// The key `host.timezone`. Whether there is such a zone only the base's own list can say.
pub(super) fn timezone(check: &mut Checker, given: &HostSection) -> Option<String> {
    let zone = given.timezone.as_deref()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte);
    let name =
        |name: &str| !name.is_empty() && name.bytes().all(plain) && !name.starts_with(['-', '+']);
    if zone.split('/').all(name) {
        return Some(zone.to_owned());
    }
    let at = Pointer::top().key("host").key("timezone");
    let finding = Finding::error(at, format!("`{zone}` is no time zone"));
    let bare = zone
        .strip_prefix("/usr/share/zoneinfo/")
        .unwrap_or(zone)
        .replace(' ', "_");
    check.tell(if bare.split('/').all(name) {
        finding.suggest(format!("did you mean `{bare}`?"))
    } else {
        finding.suggest("write it as `Asia/Tokyo`; `timedatectl list-timezones` has them all")
    });
    None
}

/// The key `host.timeService`.
pub(super) fn service(given: &HostSection) -> Option<TimeSync> {
    given.time_service.map(|service| match service {
        TimeServiceFile::Chrony => TimeSync::Chrony,
        TimeServiceFile::SystemdTimesyncd => TimeSync::SystemdTimesyncd,
    })
}
