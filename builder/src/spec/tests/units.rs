use super::{cluster, problems, with};
use crate::spec::UnitChange;

#[test]
fn a_unit_is_changed_made_or_masked() {
    let cluster = cluster(&with(
        "host:
  units:
    - name: kubelet.service
      dropIn: |
        # Comments and empty lines are nobody's business.

        [Service]
        Environment=A=b \\
          C=d
    - {name: \"backup@x.timer\", content: \"[Timer]\\nOnCalendar=daily\"}
    - {name: firewalld.service, mask: true}",
    ));
    let units: Vec<_> = cluster
        .host
        .units
        .iter()
        .map(|unit| unit.name.as_str())
        .collect();
    assert_eq!(
        units,
        ["kubelet.service", "backup@x.timer", "firewalld.service"]
    );
    assert_eq!(cluster.host.units[2].change, UnitChange::Mask);
}

#[test]
fn a_unit_has_a_name_once_and_one_thing_done_to_it() {
    insta::assert_snapshot!(problems(&with(
        "host:
  units:
    - {name: backup, mask: true}
    - {name: a/b.service, mask: true}
    - {name: a.timer, mask: false}
    - {name: b.timer, mask: true, dropIn: \"[Timer]\\nA=b\"}
    - {name: c.timer, mask: true}
    - {name: c.timer, mask: true}",
    )), @r#"
    error: `backup` is no name of a unit
     --> cluster.yaml:8:14
      |
    8 |     - {name: backup, mask: true}
      |              ^^^^^^
      |
      = help: did you mean `backup.service`?

    error: `a/b.service` is no name of a unit
     --> cluster.yaml:9:14
      |
    9 |     - {name: a/b.service, mask: true}
      |              ^^^^^^^^^^^
      |
      = help: write it as `backup.timer`

    error: nothing is to be done with `a.timer`
      --> cluster.yaml:10:14
       |
    10 |     - {name: a.timer, mask: false}
       |              ^^^^^^^
       |
       = help: give `dropIn`, `content` or `mask: true`

    error: `b.timer` has several of `dropIn`, `content` and `mask`
      --> cluster.yaml:11:14
       |
    11 |     - {name: b.timer, mask: true, dropIn: "[Timer]\nA=b"}
       |              ^^^^^^^
       |
       = help: leave all but one out

    error: `c.timer` is in the list twice
      --> cluster.yaml:13:14
       |
    12 |     - {name: c.timer, mask: true}
       |              ------- first here
    13 |     - {name: c.timer, mask: true}
       |              ^^^^^^^
    "#);
}

#[test]
fn units_of_kimage_are_changed_and_neither_made_nor_masked() {
    insta::assert_snapshot!(problems(&with(
        "host:
  units:
    - {name: kubelet.service, mask: true}
    - {name: containerd.service, content: \"[Service]\\nExecStart=/bin/true\"}
    - {name: kimage-apply.service, dropIn: \"[Service]\\nNice=5\"}",
    )), @r#"
    error: `kubelet.service` is kimage's own
     --> cluster.yaml:8:31
      |
    8 |     - {name: kubelet.service, mask: true}
      |                               ^^^^
      |
      = help: change it with a `dropIn`

    error: `containerd.service` is kimage's own
     --> cluster.yaml:9:34
      |
    9 |     - {name: containerd.service, content: "[Service]\nExecStart=/bin/true"}
      |                                  ^^^^^^^
      |
      = help: change it with a `dropIn`
    "#);
}

#[test]
fn what_systemd_would_drop_is_refused() {
    insta::assert_snapshot!(problems(&with(
        "host:
  units:
    - {name: a.service, dropIn: \"CPUAccounting=true\"}
    - {name: b.service, dropIn: \"[Service]\\nCPUAccounting: true\"}
    - {name: c.service, dropIn: \"[service]\\nA=b\"}
    - {name: d.service, dropIn: \"; nothing\"}
    - {name: e.timer, dropIn: \"[Service]\\nA=b\"}",
    )), @r#"
    error: line 1 belongs to no section
     --> cluster.yaml:8:33
      |
    8 |     - {name: a.service, dropIn: "CPUAccounting=true"}
      |                                 ^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `[Service]` above it

    error: line 2 is no setting of a unit
     --> cluster.yaml:9:33
      |
    9 |     - {name: b.service, dropIn: "[Service]\nCPUAccounting: true"}
      |                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write it as `Nice=5`

    error: line 1 begins a section that `c.service` does not have
      --> cluster.yaml:10:33
       |
    10 |     - {name: c.service, dropIn: "[service]\nA=b"}
       |                                 ^^^^^^^^^^^^^^^^
       |
       = help: sections are `[Unit]`, `[Install]` and the unit's type, as `[Service]`

    error: it has no section
      --> cluster.yaml:11:33
       |
    11 |     - {name: d.service, dropIn: "; nothing"}
       |                                 ^^^^^^^^^^^
       |
       = help: begin with one, as `[Service]`

    error: line 1 begins a section that `e.timer` does not have
      --> cluster.yaml:12:31
       |
    12 |     - {name: e.timer, dropIn: "[Service]\nA=b"}
       |                               ^^^^^^^^^^^^^^^^
       |
       = help: sections are `[Unit]`, `[Install]` and the unit's type, as `[Service]`
    "#);
}
