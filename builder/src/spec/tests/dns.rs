use super::{cluster, problems, with};

#[test]
fn the_name_servers_address_can_be_any_that_is_free() {
    let address = |lines| cluster(&with(lines)).network.dns_address.to_string();
    assert_eq!(address(""), "10.96.0.10");
    assert_eq!(
        address("network: {services: 10.0.0.0/24, dns: {address: 10.0.0.2}}"),
        "10.0.0.2"
    );
    assert_eq!(
        address("network: {services: 10.0.0.0/29, dns: {address: 10.0.0.6}}"),
        "10.0.0.6"
    );
}

#[test]
fn the_name_servers_address_is_one_of_the_services() {
    insta::assert_snapshot!(problems(&with(
        "network:\n  services: 10.96.0.0/16\n  dns: {address: 10.96.0.0}",
    )), @r#"
    error: `10.96.0.0` names the range of Services, `10.96.0.0/16`: nothing has that address
     --> cluster.yaml:8:18
      |
    7 |   services: 10.96.0.0/16
      |             ------------ Services
    8 |   dns: {address: 10.96.0.0}
      |                  ^^^^^^^^^
      |
      = help: `10.96.0.10` is usual
    "#);
    insta::assert_snapshot!(problems(&with("network: {dns: {address: 10.0.0.2}}")), @r#"
    error: `10.0.0.2` is not in the range of Services, `10.96.0.0/16`
     --> cluster.yaml:6:26
      |
    6 | network: {dns: {address: 10.0.0.2}}
      |                          ^^^^^^^^
      |
      = help: `10.96.0.10` is usual
    "#);
    insta::assert_snapshot!(problems(&with("network: {dns: {address: 10.96.0.1}}")), @r#"
    error: `10.96.0.1` is the API's: the first of the range of Services
     --> cluster.yaml:6:26
      |
    6 | network: {dns: {address: 10.96.0.1}}
      |                          ^^^^^^^^^
      |
      = help: `10.96.0.10` is usual
    "#);
    insta::assert_snapshot!(problems(&with("network: {dns: {address: 10.96.255.255}}")), @r#"
    error: `10.96.255.255` is the last of the range of Services: nothing has that address
     --> cluster.yaml:6:26
      |
    6 | network: {dns: {address: 10.96.255.255}}
      |                          ^^^^^^^^^^^^^
      |
      = help: `10.96.0.10` is usual
    "#);
    insta::assert_snapshot!(problems(&with("network: {dns: {address: 10.96.0.10/16}}")), @r#"
    error: `10.96.0.10/16` is no IPv4 address
     --> cluster.yaml:6:26
      |
    6 | network: {dns: {address: 10.96.0.10/16}}
      |                          ^^^^^^^^^^^^^
      |
      = help: only the address is needed: `10.96.0.10`
    "#);
}

#[test]
fn the_name_servers_image_says_where_it_is_and_stays() {
    let image = "docker.io/coredns/coredns:1.1.1";
    let lines = format!("network: {{dns: {{image: \"{image}\"}}}}");
    assert_eq!(
        cluster(&with(&lines)).network.dns_image.as_deref(),
        Some(image)
    );
    insta::assert_snapshot!(problems(&with("network: {dns: {image: \"coredns/coredns:1.1.1\"}}")), @r#"
    error: `coredns/coredns:1.1.1` does not say which registry
     --> cluster.yaml:6:24
      |
    6 | network: {dns: {image: "coredns/coredns:1.1.1"}}
      |                        ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `docker.io/coredns/coredns:1.1.1`?
    "#);
    insta::assert_snapshot!(problems(&with("network: {dns: {image: docker.io/coredns/coredns}}")), @r#"
    warning[moving-image]: `docker.io/coredns/coredns` may be another image tomorrow
     --> cluster.yaml:6:24
      |
    6 | network: {dns: {image: docker.io/coredns/coredns}}
      |                        ^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: name a tag that stays, or a digest
    "#);
}
