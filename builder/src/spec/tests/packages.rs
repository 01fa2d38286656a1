use super::{cluster, problems, with};

#[test]
fn packages_are_named_as_the_distribution_does() {
    let packages = |image, list| {
        let text = with(&format!("image: {image}\nhost: {{packages: [{list}]}}"));
        cluster(
            &text
                .replace("1.34.2", "1.30.0")
                .replace("/24}", "/24, interface: eth0}"),
        )
        .host
        .packages
    };
    assert_eq!(
        packages("debian-12", "ipset, conntrack"),
        ["ipset", "conntrack"]
    );
    assert_eq!(packages("centos-7", "conntrack-tools"), ["conntrack-tools"]);
    insta::assert_snapshot!(problems(&with(
        "host: {packages: [conntrack-tools, ipset=7.17-1, ipset, ipset, \"rm -rf\", \"-y\"]}",
    )), @r#"
    error: `debian-12` has no package `conntrack-tools`
     --> cluster.yaml:6:19
      |
    6 | host: {packages: [conntrack-tools, ipset=7.17-1, ipset, ipset, "rm -rf", "-y"]}
      |                   ^^^^^^^^^^^^^^^
      |
      = help: there it is `conntrack`

    error: `ipset=7.17-1` is no name of a package
     --> cluster.yaml:6:36
      |
    6 | host: {packages: [conntrack-tools, ipset=7.17-1, ipset, ipset, "rm -rf", "-y"]}
      |                                    ^^^^^^^^^^^^
      |
      = help: did you mean `ipset`?

    warning[listed-twice]: `ipset` is in the list twice
     --> cluster.yaml:6:57
      |
    6 | host: {packages: [conntrack-tools, ipset=7.17-1, ipset, ipset, "rm -rf", "-y"]}
      |                                                  -----  ^^^^^
      |                                                  |
      |                                                  first here

    error: `rm -rf` is no name of a package
     --> cluster.yaml:6:64
      |
    6 | host: {packages: [conntrack-tools, ipset=7.17-1, ipset, ipset, "rm -rf", "-y"]}
      |                                                                ^^^^^^^^
      |
      = help: did you mean `rm`?

    error: `-y` is no name of a package
     --> cluster.yaml:6:74
      |
    6 | host: {packages: [conntrack-tools, ipset=7.17-1, ipset, ipset, "rm -rf", "-y"]}
      |                                                                          ^^^^
    "#);
    insta::assert_snapshot!(problems(&with(
        "image: centos-stream-9\nhost: {packages: [conntrack]}",
    )), @r#"
    error: `centos-stream-9` has no package `conntrack`
     --> cluster.yaml:7:19
      |
    7 | host: {packages: [conntrack]}
      |                   ^^^^^^^^^
      |
      = help: there it is `conntrack-tools`
    "#);
}
