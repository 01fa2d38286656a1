use super::{cluster, problems, with};
use crate::blueprint::TimeSync;

#[test]
fn a_directory_is_roots_unless_said_otherwise() {
    let host = cluster(&with(
        "host:\n  directories: [{path: /etc/kubernetes/manifests}, {path: /srv, mode: \"1777\", owner: kube, group: kube}]",
    ))
    .host;
    let all: Vec<String> = host
        .directories
        .iter()
        .map(|of| format!("{} {:o} {}:{}", of.path, of.mode, of.owner, of.group))
        .collect();
    assert_eq!(
        all,
        [
            "/etc/kubernetes/manifests 755 root:root",
            "/srv 1777 kube:kube"
        ]
    );
}

#[test]
fn a_directory_lies_where_it_can_be_seen() {
    insta::assert_snapshot!(problems(&with(
        "host:
  files: [{path: /srv/a, content: x}]
  directories:
    - {path: srv}
    - {path: /}
    - {path: /run/kube}
    - {path: /srv/a}
    - {path: /srv/a/b}
    - {path: /opt/x}
    - {path: /opt/x}
    - {path: /opt/y, mode: rwx, owner: Kube, group: 0}",
    )), @r#"
    error: `srv` is not an absolute path
     --> cluster.yaml:9:14
      |
    9 |     - {path: srv}
      |              ^^^

    error: `/` is there already
      --> cluster.yaml:10:14
       |
    10 |     - {path: /}
       |              ^

    error: nobody would see `/run/kube`: something is mounted over `/run`
      --> cluster.yaml:11:14
       |
    11 |     - {path: /run/kube}
       |              ^^^^^^^^^

    error: `/srv/a` is a file, too
      --> cluster.yaml:12:14
       |
     7 |   files: [{path: /srv/a, content: x}]
       |                  ------ the file
    ...
    12 |     - {path: /srv/a}
       |              ^^^^^^

    error: `/srv/a/b` lies under `/srv/a`, which is a file
      --> cluster.yaml:13:14
       |
     7 |   files: [{path: /srv/a, content: x}]
       |                  ------ the file
    ...
    13 |     - {path: /srv/a/b}
       |              ^^^^^^^^

    error: `/opt/x` is described twice
      --> cluster.yaml:15:14
       |
    14 |     - {path: /opt/x}
       |              ------ first here
    15 |     - {path: /opt/x}
       |              ^^^^^^

    error: `rwx` is no mode
      --> cluster.yaml:16:28
       |
    16 |     - {path: /opt/y, mode: rwx, owner: Kube, group: 0}
       |                            ^^^
       |
       = help: write it in octal, as "0644", "7777" at most

    error: `Kube` is no name of a user
      --> cluster.yaml:16:40
       |
    16 |     - {path: /opt/y, mode: rwx, owner: Kube, group: 0}
       |                                        ^^^^
       |
       = help: use lower-case letters, digits, `-` and `_`, 32 characters at most

    error: `group` must be a text, but `0` is a whole number
      --> cluster.yaml:16:53
       |
    16 |     - {path: /opt/y, mode: rwx, owner: Kube, group: 0}
       |                                                     ^
       |
       = help: write it in quotes: "0"
    "#);
}

#[test]
fn a_time_zone_is_a_name() {
    for zone in [
        "Asia/Tokyo",
        "UTC",
        "America/Argentina/Buenos_Aires",
        "Etc/GMT+5",
    ] {
        let lines = format!("host: {{timezone: {zone}}}");
        assert_eq!(cluster(&with(&lines)).host.timezone.as_deref(), Some(zone));
    }
    insta::assert_snapshot!(problems(&with("host: {timezone: America/New York}")), @r#"
    error: `America/New York` is no time zone
     --> cluster.yaml:6:18
      |
    6 | host: {timezone: America/New York}
      |                  ^^^^^^^^^^^^^^^^
      |
      = help: did you mean `America/New_York`?
    "#);
    insta::assert_snapshot!(problems(&with("host: {timezone: /usr/share/zoneinfo/UTC}")), @r#"
    error: `/usr/share/zoneinfo/UTC` is no time zone
     --> cluster.yaml:6:18
      |
    6 | host: {timezone: /usr/share/zoneinfo/UTC}
      |                  ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `UTC`?
    "#);
    insta::assert_snapshot!(problems(&with("host: {timezone: \"../../etc/shadow\"}")), @r#"
    error: `../../etc/shadow` is no time zone
     --> cluster.yaml:6:18
      |
    6 | host: {timezone: "../../etc/shadow"}
      |                  ^^^^^^^^^^^^^^^^^^
      |
      = help: write it as `Asia/Tokyo`; `timedatectl list-timezones` has them all
    "#);
}

#[test]
fn the_clock_is_kept_by_a_service_that_is_known() {
    let service = |name| {
        cluster(&with(&format!("host: {{timeService: {name}}}")))
            .host
            .time_service
    };
    assert_eq!(service("chrony"), Some(TimeSync::Chrony));
    assert_eq!(
        service("systemd-timesyncd"),
        Some(TimeSync::SystemdTimesyncd)
    );
    insta::assert_snapshot!(problems(&with("host: {timeService: ntpd}")), @r#"
    error: `timeService` cannot be `ntpd`
     --> cluster.yaml:6:21
      |
    6 | host: {timeService: ntpd}
      |                     ^^^^
      |
      = help: it can be `chrony` or `systemd-timesyncd`
    "#);
}
