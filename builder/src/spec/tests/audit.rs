use crate::facts;
use crate::spec::audit_policy;

/// What a policy becomes for a version of Kubernetes, or what is wrong with it.
fn read(text: &str, version: &str) -> String {
    let format = &facts::minor(version.parse().unwrap()).unwrap().audit_policy;
    match audit_policy(text, "audit-policy.yaml", format) {
        Ok(policy) => policy,
        Err(error) => error.problems().to_string(),
    }
}

#[test]
fn a_policy_stays_as_it_is_but_for_its_version() {
    let policy = "\
# What matters.
apiVersion: audit.k8s.io/v1 # of the page
kind: Policy
omitStages: [RequestReceived]
rules:
- level: RequestResponse
  resources: [{group: \"\", resources: [pods]}]
- {level: None, nonResourceURLs: [\"/healthz*\"]}
- level: Metadata
";
    assert_eq!(read(policy, "1.34.0"), policy);
    let older = policy.replace("audit.k8s.io/v1 ", "audit.k8s.io/v1beta1 ");
    assert_eq!(read(policy, "1.11.0"), older);
    assert_eq!(read(&older, "1.34.0"), policy);
}

#[test]
fn what_the_api_server_would_refuse_is_told_at_its_line() {
    insta::assert_snapshot!(read("\
apiVersion: v1
kind: AuditPolicy
omitstages: [RequestReceived]
rules:
- level: Metadta
- {verbs: [get]}
- {level: Everything, omitStages: [Received, Panic]}
- {level: None, users: root}
- {level: None, nonResourceURLs: [/x], namespaces: [kube-system]}
- {level: None, resources: [{group: \"\", resourceNames: [a]}, pods]}
- None
", "1.34.0"), @r#"
    error: `apiVersion` must be a version of `audit.k8s.io`
     --> audit-policy.yaml:1:13
      |
    1 | apiVersion: v1
      |             ^^
      |
      = help: write `apiVersion: audit.k8s.io/v1`

    error: `kind` must be `Policy`
     --> audit-policy.yaml:2:7
      |
    2 | kind: AuditPolicy
      |       ^^^^^^^^^^^

    error: unknown key `omitstages`
     --> audit-policy.yaml:3:1
      |
    3 | omitstages: [RequestReceived]
      | ^^^^^^^^^^
      |
      = help: did you mean `omitStages`?

    error: there is no level `Metadta`
     --> audit-policy.yaml:5:10
      |
    5 | - level: Metadta
      |          ^^^^^^^
      |
      = help: did you mean `Metadata`?

    error: a rule needs a `level`
     --> audit-policy.yaml:6:3
      |
    6 | - {verbs: [get]}
      |   ^^^^^^^^^^^^^^
      |
      = help: it can be `None`, `Metadata`, `Request` or `RequestResponse`

    error: there is no level `Everything`
     --> audit-policy.yaml:7:11
      |
    7 | - {level: Everything, omitStages: [Received, Panic]}
      |           ^^^^^^^^^^
      |
      = help: it can be `None`, `Metadata`, `Request` or `RequestResponse`

    error: there is no stage `Received`
     --> audit-policy.yaml:7:36
      |
    7 | - {level: Everything, omitStages: [Received, Panic]}
      |                                    ^^^^^^^^
      |
      = help: it can be `RequestReceived`, `ResponseStarted`, `ResponseComplete` or `Panic`

    error: `users` must be a list of words
     --> audit-policy.yaml:8:24
      |
    8 | - {level: None, users: root}
      |                        ^^^^

    error: a rule is for resources or for `nonResourceURLs`, not for both
     --> audit-policy.yaml:9:17
      |
    9 | - {level: None, nonResourceURLs: [/x], namespaces: [kube-system]}
      |                 ^^^^^^^^^^^^^^^
      |
      = help: make two rules of it

    error: `resourceNames` needs `resources` beside it
      --> audit-policy.yaml:10:41
       |
    10 | - {level: None, resources: [{group: "", resourceNames: [a]}, pods]}
       |                                         ^^^^^^^^^^^^^

    error: an item of `resources` is keys and values
      --> audit-policy.yaml:10:62
       |
    10 | - {level: None, resources: [{group: "", resourceNames: [a]}, pods]}
       |                                                              ^^^^

    error: a rule is keys and values
      --> audit-policy.yaml:11:3
       |
    11 | - None
       |   ^^^^
    "#);
    insta::assert_snapshot!(read("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n", "1.34.0"), @r#"
    error: `rules` must be a list of rules: without one nothing is logged
     --> audit-policy.yaml:3:1
      |
    3 | rules: []
      | ^^^^^
    "#);
    insta::assert_snapshot!(read("- level: None\n", "1.34.0"), @r#"
    error: an audit policy is keys and values
     --> audit-policy.yaml:1:1
      |
    1 | - level: None
      | ^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(read("rules: [\n", "1.34.0"), @r#"
    error: this is not YAML: while parsing a node, did not find expected node content
     --> audit-policy.yaml:2:1
      |
    2 |
      | ^
    "#);
}
