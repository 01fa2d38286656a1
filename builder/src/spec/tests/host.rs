use super::{cluster, problems, with};

#[test]
fn a_kernel_parameter_has_a_name() {
    insta::assert_snapshot!(problems(&with(
        r#"host:
  sysctl: {ip_forward: 1, "net.ipv4..x": 1, vm.swappiness: 10, "vm.max map": 2, kernel.shmmax: }"#,
    )), @r#"
    error: `ip_forward` is no kernel parameter
     --> cluster.yaml:7:12
      |
    7 |   sysctl: {ip_forward: 1, "net.ipv4..x": 1, vm.swappiness: 10, "vm.max map": 2, kernel.shmmax: }
      |            ^^^^^^^^^^
      |
      = help: write it as `net.ipv4.ip_forward`

    error: `net.ipv4..x` is no kernel parameter
     --> cluster.yaml:7:27
      |
    7 |   sysctl: {ip_forward: 1, "net.ipv4..x": 1, vm.swappiness: 10, "vm.max map": 2, kernel.shmmax: }
      |                           ^^^^^^^^^^^^^
      |
      = help: write it as `net.ipv4.ip_forward`

    error: `vm.max map` is no kernel parameter
     --> cluster.yaml:7:64
      |
    7 |   sysctl: {ip_forward: 1, "net.ipv4..x": 1, vm.swappiness: 10, "vm.max map": 2, kernel.shmmax: }
      |                                                                ^^^^^^^^^^^^
      |
      = help: write it as `net.ipv4.ip_forward`

    error: `kernel.shmmax` has no value: a text is needed
     --> cluster.yaml:7:81
      |
    7 |   sysctl: {ip_forward: 1, "net.ipv4..x": 1, vm.swappiness: 10, "vm.max map": 2, kernel.shmmax: }
      |                                                                                 ^^^^^^^^^^^^^
    "#);
}

#[test]
fn what_kubernetes_needs_is_not_turned_off() {
    insta::assert_snapshot!(problems(&with(
        r#"host: {sysctl: {net.ipv4.ip_forward: 0, net/bridge/bridge-nf-call-iptables: 0}}"#,
    )), @r#"
    error: Kubernetes needs `net.ipv4.ip_forward` to be 1
     --> cluster.yaml:6:38
      |
    6 | host: {sysctl: {net.ipv4.ip_forward: 0, net/bridge/bridge-nf-call-iptables: 0}}
      |                                      ^
      |
      = help: leave it out: kimage sets it

    error: Kubernetes needs `net/bridge/bridge-nf-call-iptables` to be 1
     --> cluster.yaml:6:77
      |
    6 | host: {sysctl: {net.ipv4.ip_forward: 0, net/bridge/bridge-nf-call-iptables: 0}}
      |                                                                             ^
      |
      = help: leave it out: kimage sets it
    "#);
}

#[test]
fn a_number_stays_as_it_was_written() {
    let cluster = cluster(&with(
        "host: {sysctl: {a.b: 1.10, a.c: 0644, a.d: 0x1F, a.e: -1, a.f: 1e3, a.g: true, a.h: 18446744073709551616}}",
    ));
    let values: Vec<&str> = cluster.host.sysctl.values().map(String::as_str).collect();
    let written = [
        "1.10",
        "0644",
        "0x1F",
        "-1",
        "1e3",
        "true",
        "18446744073709551616",
    ];
    assert_eq!(values, written);
}

#[test]
fn a_module_is_named_without_its_file() {
    insta::assert_snapshot!(problems(&with(
        r#"host: {modules: [ip_vs, nf_conntrack.ko, ip-vs, "a b"]}"#,
    )), @r#"
    error: `nf_conntrack.ko` is no name of a kernel module
     --> cluster.yaml:6:25
      |
    6 | host: {modules: [ip_vs, nf_conntrack.ko, ip-vs, "a b"]}
      |                         ^^^^^^^^^^^^^^^
      |
      = help: did you mean `nf_conntrack`?

    warning[listed-twice]: `ip-vs` is in the list twice
     --> cluster.yaml:6:42
      |
    6 | host: {modules: [ip_vs, nf_conntrack.ko, ip-vs, "a b"]}
      |                  ----- first here        ^^^^^

    error: `a b` is no name of a kernel module
     --> cluster.yaml:6:49
      |
    6 | host: {modules: [ip_vs, nf_conntrack.ko, ip-vs, "a b"]}
      |                                                 ^^^^^
    "#);
}

#[test]
fn a_line_of_hosts_begins_with_an_address() {
    insta::assert_snapshot!(problems(&with(
        r#"host:
  hosts:
    registry.example.org: [10.0.0.5]
    10.0.0.6: [bad_name]
    10.0.0.7: []
    10.0.0.8: [k8s-node-1]"#,
    )), @r#"
    error: `registry.example.org` is no IPv4 address
     --> cluster.yaml:8:5
      |
    8 |     registry.example.org: [10.0.0.5]
      |     ^^^^^^^^^^^^^^^^^^^^
      |
      = help: the address comes first, its names behind it

    error: `bad_name` is no host name
     --> cluster.yaml:9:16
      |
    9 |     10.0.0.6: [bad_name]
      |                ^^^^^^^^

    error: `10.0.0.7` has no names
      --> cluster.yaml:10:5
       |
    10 |     10.0.0.7: []
       |     ^^^^^^^^

    error: `k8s-node-1` is a node with another address
      --> cluster.yaml:11:16
       |
     5 |   - {name: k8s-node-1, role: worker, address: 192.168.76.21/24}
       |                                               ---------------- its address
    ...
    11 |     10.0.0.8: [k8s-node-1]
       |                ^^^^^^^^^^
       |
       = help: leave it out: kimage writes all nodes into /etc/hosts
    "#);
}

#[test]
fn only_public_keys_are_taken() {
    insta::assert_snapshot!(problems(&with(
        r#"host:
  sshKeys:
    - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ+ad3kR8uH/9n0yK8mA5q9l0zMZ5f9V7bDk7o6Jb1aD me@example.org
    - ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIJ+ad3kR8uH/9n0yK8mA5q9l0zMZ5f9V7bDk7o6Jb1aD
    - ssh-dss AAAAB3NzaC1kc3M=
    - me@example.org"#,
    )), @r#"
    error: this is no public SSH key
     --> cluster.yaml:9:7
      |
    9 |     - ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIJ+ad3kR8uH/9n0yK8mA5q9l0zMZ5f9V7bDk7o6Jb1aD
      |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: take the whole line of a `.pub` file, as `ssh-ed25519 AAAA... name`

    error: this is no public SSH key
      --> cluster.yaml:10:7
       |
    10 |     - ssh-dss AAAAB3NzaC1kc3M=
       |       ^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: OpenSSH takes no DSA keys any more: make one with `ssh-keygen -t ed25519`

    error: this is no public SSH key
      --> cluster.yaml:11:7
       |
    11 |     - me@example.org
       |       ^^^^^^^^^^^^^^
       |
       = help: take the whole line of a `.pub` file, as `ssh-ed25519 AAAA... name`
    "#);
}

#[test]
fn a_private_key_is_refused_and_not_shown() {
    insta::assert_snapshot!(problems(&with(
        r#"host:
  sshKeys:
    - |
      -----BEGIN OPENSSH PRIVATE KEY-----
      hunter2
      -----END OPENSSH PRIVATE KEY-----"#,
    )), @r#"
    error: a private key does not belong here
    --> cluster.yaml:9:7
     = help: take the line of its `.pub` file
    "#);
}

#[test]
fn an_argument_of_the_kernel_is_one_word() {
    insta::assert_snapshot!(problems(&with(
        r#"host: {kernelArguments: [console=ttyS0, "quiet splash", root=/dev/sda1, "x=$(y)"]}"#,
    )), @r#"
    error: `quiet splash` is no argument of a kernel
     --> cluster.yaml:6:41
      |
    6 | host: {kernelArguments: [console=ttyS0, "quiet splash", root=/dev/sda1, "x=$(y)"]}
      |                                         ^^^^^^^^^^^^^^
      |
      = help: write each argument as an item of its own

    error: kimage decides `root`
     --> cluster.yaml:6:57
      |
    6 | host: {kernelArguments: [console=ttyS0, "quiet splash", root=/dev/sda1, "x=$(y)"]}
      |                                                         ^^^^^^^^^^^^^^
      |
      = help: leave it out: each disk boots from its own root

    error: `x=$(y)` is no argument of a kernel
     --> cluster.yaml:6:73
      |
    6 | host: {kernelArguments: [console=ttyS0, "quiet splash", root=/dev/sda1, "x=$(y)"]}
      |                                                                         ^^^^^^^^
    "#);
}

#[test]
fn a_mode_is_octal() {
    insta::assert_snapshot!(problems(&with(
        r#"host:
  files:
    - {path: /etc/a, content: "", mode: "0888"}
    - {path: /etc/b, content: "", mode: "010000"}
    - {path: /etc/c, content: "", mode: 644}
    - {path: /etc/d, content: "", mode: 0644}"#,
    )), @r#"
    error: `0888` is no mode
     --> cluster.yaml:8:41
      |
    8 |     - {path: /etc/a, content: "", mode: "0888"}
      |                                         ^^^^^^
      |
      = help: write it in octal, as "0644", "7777" at most

    error: `010000` is no mode
     --> cluster.yaml:9:41
      |
    9 |     - {path: /etc/b, content: "", mode: "010000"}
      |                                         ^^^^^^^^
      |
      = help: write it in octal, as "0644", "7777" at most

    error: `mode` must be a text, but `644` is a whole number
      --> cluster.yaml:10:41
       |
    10 |     - {path: /etc/c, content: "", mode: 644}
       |                                         ^^^
       |
       = help: write it in quotes: "644"
    "#);
}

#[test]
fn a_path_is_absolute_and_normal() {
    insta::assert_snapshot!(problems(&with(
        r#"host:
  files:
    - {path: etc/motd, content: hi}
    - {path: /etc/../motd, content: hi}
    - {path: /, content: hi}
    - {path: /run/motd, content: hi}"#,
    )), @r#"
    error: `etc/motd` is not an absolute path
     --> cluster.yaml:8:14
      |
    8 |     - {path: etc/motd, content: hi}
      |              ^^^^^^^^

    error: `/etc/../motd` is not a normal path: it has an empty name, `.` or `..`
     --> cluster.yaml:9:14
      |
    9 |     - {path: /etc/../motd, content: hi}
      |              ^^^^^^^^^^^^

    error: `/` is a directory
      --> cluster.yaml:10:14
       |
    10 |     - {path: /, content: hi}
       |              ^

    error: nobody would see `/run/motd`: something is mounted over `/run`
      --> cluster.yaml:11:14
       |
    11 |     - {path: /run/motd, content: hi}
       |              ^^^^^^^^^
    "#);
}

#[test]
fn a_file_is_described_once() {
    insta::assert_snapshot!(problems(&with(
        r#"host:
  files:
    - {path: /etc/motd, content: hi}
    - {path: /etc/motd, content: hi}
    - {path: /etc/motd/en, content: hi}"#,
    )), @r#"
    error: `/etc/motd` is described twice
     --> cluster.yaml:9:14
      |
    8 |     - {path: /etc/motd, content: hi}
      |              --------- first here
    9 |     - {path: /etc/motd, content: hi}
      |              ^^^^^^^^^

    error: `/etc/motd/en` lies under `/etc/motd`, which is a file
      --> cluster.yaml:10:14
       |
     8 |     - {path: /etc/motd, content: hi}
       |              --------- the other
     9 |     - {path: /etc/motd, content: hi}
    10 |     - {path: /etc/motd/en, content: hi}
       |              ^^^^^^^^^^^^
    "#);
}

#[test]
fn a_file_needs_a_path_and_content() {
    insta::assert_snapshot!(problems(&with(
        r#"host:
  files:
    - {path: /etc/motd}
    - {owner: Root, content: hi}"#,
    )), @r#"
    error: `content` is missing in `host.files[0]`
     --> cluster.yaml:8:8
      |
    8 |     - {path: /etc/motd}
      |        ^^^^
      |
      = help: what is in it

    error: `path` is missing in `host.files[1]`
     --> cluster.yaml:9:8
      |
    9 |     - {owner: Root, content: hi}
      |        ^^^^^
      |
      = help: where it goes, as `/etc/motd`

    error: `Root` is no name of a user
     --> cluster.yaml:9:15
      |
    9 |     - {owner: Root, content: hi}
      |               ^^^^
      |
      = help: use lower-case letters, digits, `-` and `_`, 32 characters at most
    "#);
}

#[test]
fn a_user_has_a_name_and_a_number_of_its_own() {
    insta::assert_snapshot!(problems(&with(
        r#"host:
  users:
    - {name: kube, id: 200}
    - {name: kube, id: 201}
    - {name: etcd, id: 200}
    - {name: root, id: 1}
    - {name: "Big Boss", id: 70000, home: home}"#,
    )), @r#"
    error: two users are named `kube`
     --> cluster.yaml:9:14
      |
    8 |     - {name: kube, id: 200}
      |              ---- first here
    9 |     - {name: kube, id: 201}
      |              ^^^^

    error: two users have the number 200
      --> cluster.yaml:10:24
       |
     8 |     - {name: kube, id: 200}
       |                        --- first here
     9 |     - {name: kube, id: 201}
    10 |     - {name: etcd, id: 200}
       |                        ^^^

    error: every image has the user `root`
      --> cluster.yaml:11:14
       |
    11 |     - {name: root, id: 1}
       |              ^^^^
       |
       = help: choose another name

    error: `Big Boss` is no name of a user
      --> cluster.yaml:12:14
       |
    12 |     - {name: "Big Boss", id: 70000, home: home}
       |              ^^^^^^^^^^
       |
       = help: use lower-case letters, digits, `-` and `_`, 32 characters at most

    error: `id` must be at most 60000, but is `70000`
      --> cluster.yaml:12:30
       |
    12 |     - {name: "Big Boss", id: 70000, home: home}
       |                              ^^^^^

    error: `home` is not an absolute path
      --> cluster.yaml:12:43
       |
    12 |     - {name: "Big Boss", id: 70000, home: home}
       |                                           ^^^^
    "#);
}

#[test]
fn a_truth_is_true_or_false() {
    insta::assert_snapshot!(problems(&with(
        r#"host:
  files:
    - {path: /etc/motd, content: hi, replace: yes}"#,
    )), @r#"
    error: `replace` must be `true` or `false`, but `yes` is a text
     --> cluster.yaml:8:47
      |
    8 |     - {path: /etc/motd, content: hi, replace: yes}
      |                                               ^^^
      |
      = help: write `true`
    "#);
}

#[test]
fn a_value_of_the_kernel_is_on_one_line() {
    insta::assert_snapshot!(problems(&with(
        r#"host: {sysctl: {vm.a: "1\n2", vm.b: ""}}"#,
    )), @r#"
    error: `vm.a` needs a value on one line
     --> cluster.yaml:6:23
      |
    6 | host: {sysctl: {vm.a: "1\n2", vm.b: ""}}
      |                       ^^^^^^

    error: `vm.b` needs a value on one line
     --> cluster.yaml:6:37
      |
    6 | host: {sysctl: {vm.a: "1\n2", vm.b: ""}}
      |                                     ^^
    "#);
}

#[test]
fn cgroups_that_the_kubelet_refuses_are_not_asked_for() {
    insta::assert_snapshot!(problems(&with("host: {kernelArguments: [systemd.unified_cgroup_hierarchy=0]}").replace("1.34.2", "1.35.0")), @r#"
    error: this asks for control groups of version 1, which the kubelet of 1.35 refuses
     --> cluster.yaml:6:26
      |
    2 |   version: 1.35.0
      |            ------ needs version 2
    ...
    6 | host: {kernelArguments: [systemd.unified_cgroup_hierarchy=0]}
      |                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn cgroups_that_the_kubelet_does_not_know_are_not_asked_for() {
    let text =
        with("host: {kernelArguments: [systemd.unified_cgroup_hierarchy=1]}\nimage: centos-7")
            .replace("1.34.2", "1.18.20")
            .replace("/24}", "/24, interface: eth0}");
    insta::assert_snapshot!(problems(&text), @r#"
    error: this asks for control groups of version 2, which the kubelet of 1.18 does not know
     --> cluster.yaml:6:26
      |
    2 |   version: 1.18.20
      |            ------- needs version 1
    ...
    6 | host: {kernelArguments: [systemd.unified_cgroup_hierarchy=1]}
      |                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_path_breaks_no_line_of_a_list() {
    insta::assert_snapshot!(problems(&with(
        r#"host: {users: [{name: a, id: 300, home: "/home/a:b"}]}"#,
    )), @r#"
    error: a path here holds neither `:` nor a line break
     --> cluster.yaml:6:41
      |
    6 | host: {users: [{name: a, id: 300, home: "/home/a:b"}]}
      |                                         ^^^^^^^^^^^
    "#);
}
