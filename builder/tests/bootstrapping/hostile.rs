//! The approver's judgement, by the real script, of requests that a node may make and of those that it must not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kimage::program::Program;

use crate::request::{Maker, subject};
use crate::site::{Files, MASTER, WORKER, images};

const SIGNER: &str = "kubernetes.io/kubelet-serving";

/// As Go's `x509.CreateCertificateRequest` writes what a kubelet asks for: O=system:nodes, CN=system:node:k8s-node-1,
/// DNS:k8s-node-1, IP:192.0.2.21.
const KUBELETS: &str = include_str!("kubelet.csr");

/// A request as the API server has it.
#[derive(Clone)]
struct Asked {
    name: String,
    user: String,
    groups: Vec<&'static str>,
    signer: &'static str,
    usages: Vec<&'static str>,
    pem: Vec<u8>,
}

impl Asked {
    /// By the worker's kubelet.
    fn new(name: &str, pem: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.to_owned(),
            user: format!("system:node:{WORKER}"),
            groups: vec!["system:nodes", "system:authenticated"],
            signer: SIGNER,
            usages: vec!["digital signature", "key encipherment", "server auth"],
            pem: pem.into(),
        }
    }

    /// The line that `approve` has kubectl write.
    fn line(&self) -> String {
        let list = |words: &[&str]| -> String {
            words.iter().map(|word| hex::encode(word) + ",").collect()
        };
        format!(
            "x{} x{} x{} x{} x{} x{}\n",
            hex::encode(&self.name),
            hex::encode(&self.user),
            list(&self.groups),
            hex::encode(self.signer),
            list(&self.usages),
            STANDARD.encode(&self.pem)
        )
    }
}

/// The names of those requests that are approved.
fn approved(master: &Files, awk: &str, signer: &str, asked: &[Asked]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let script = "/usr/local/share/kimage/serving-requests.awk";
    let output = Program::new(awk)
        .args(["-v", &format!("signer={signer}"), "-f"])
        .arg(file("script", &master.text(script)))
        .arg(file("nodes", &master.text("/etc/kubernetes/nodes")))
        .arg("-")
        .stdin(asked.iter().map(Asked::line).collect::<String>())
        .run()
        .unwrap();
    let names = String::from_utf8(output.stdout).unwrap();
    names.lines().map(str::to_owned).collect()
}

fn master() -> Files {
    let [master, _] = images("1.34.2".parse().unwrap(), "{servingCertificates: approved}");
    master
}

/// Judges requests by the awk of Debian and by that of Red Hat.
fn judge(asked: &[Asked], wanted: &[&str]) {
    let master = master();
    for awk in ["mawk", "gawk"] {
        assert_eq!(approved(&master, awk, SIGNER, asked), wanted, "{awk}");
    }
}

#[test]
fn what_a_kubelet_asks_for_itself_is_approved() {
    let maker = Maker::new();
    maker.key("rsa", "RSA", "rsa_keygen_bits:4096");
    maker.key("p521", "EC", "ec_paramgen_curve:P-521");
    let own = format!("subjectAltName=DNS:{WORKER},IP:192.0.2.21");
    let masters = Asked {
        user: format!("system:node:{MASTER}"),
        ..Asked::new("csr-g", maker.of_node(MASTER, "IP:192.0.2.11"))
    };
    let no_encipherment = Asked {
        usages: vec!["digital signature", "server auth"],
        ..Asked::new("csr-h", KUBELETS)
    };
    judge(
        &[
            Asked::new("csr-a", KUBELETS),
            Asked::new("csr-b", maker.of_node(WORKER, &format!("DNS:{WORKER}"))),
            Asked::new("csr-c", maker.of_node(WORKER, "IP:192.0.2.21")),
            Asked::new("csr-d", maker.with_key("rsa", &subject(WORKER), &own)),
            Asked::new("csr-e", maker.with_key("p521", &subject(WORKER), &own)),
            Asked::new(
                "csr-f",
                maker.of_node(WORKER, &format!("critical,DNS:{WORKER}")),
            ),
            masters,
            no_encipherment,
        ],
        &[
            "csr-a", "csr-b", "csr-c", "csr-d", "csr-e", "csr-f", "csr-g", "csr-h",
        ],
    );
}

#[test]
fn a_server_is_called_by_nothing_but_its_own_names() {
    let maker = Maker::new();
    let own = format!("DNS:{WORKER},IP:192.0.2.21");
    let der = |bytes: &[u8]| format!("subjectAltName=DER:{}", hex::encode(bytes));
    let name = |text: &[u8]| {
        let mut bytes = vec![0x30, text.len() as u8 + 2, 0x82, text.len() as u8];
        bytes.extend_from_slice(text);
        der(&bytes)
    };
    let mut refused: Vec<(&str, String)> = [
        ("another node's name", format!("DNS:{MASTER}")),
        ("another node's address", "IP:192.0.2.11".to_owned()),
        ("two nodes' names", format!("DNS:{WORKER},DNS:{MASTER}")),
        (
            "a stranger's name",
            format!("{own},DNS:kubernetes.default.svc"),
        ),
        ("a stranger's address", format!("{own},IP:203.0.113.7")),
        ("an address of version 6", format!("{own},IP:::1")),
        ("a wildcard", format!("{own},DNS:*")),
        ("other letters", "DNS:K8s-Node-1".to_owned()),
        ("a dot behind", format!("DNS:{WORKER}.")),
        ("a mail address", format!("{own},email:a@b.example")),
        ("a resource", format!("{own},URI:spiffe://lab/a")),
        ("an object", format!("{own},RID:1.2.3.4")),
        ("the address as a name", "DNS:192.0.2.21".to_owned()),
    ]
    .map(|(what, names)| (what, maker.of_node(WORKER, &names)))
    .into();
    let tricks: [(&str, String); 9] = [
        (
            "a name that reads like two",
            name(b"k8s-node-1, IP Address:192.0.2.11"),
        ),
        ("a name of two lines", name(b"k8s-node-1\nk8s-master-1")),
        (
            "a name that ends in the middle",
            name(b"k8s-node-1\0.evil.example"),
        ),
        ("an empty name", name(b"")),
        ("no name", der(&[0x30, 0x00])),
        (
            "more behind the names",
            der(b"\x30\x06\x87\x04\xc0\x00\x02\x15\x05\x00"),
        ),
        (
            "a length that is longer than it need be",
            der(b"\x30\x81\x06\x87\x04\xc0\x00\x02\x15"),
        ),
        (
            "a length beyond the end",
            der(b"\x30\x06\x87\x7f\xc0\x00\x02\x15"),
        ),
        (
            "no length",
            der(b"\x30\x80\x87\x04\xc0\x00\x02\x15\x00\x00"),
        ),
    ];
    for (what, extension) in tricks {
        refused.push((what, maker.request(&subject(WORKER), &extension)));
    }
    refused.push(("no names at all", maker.request(&subject(WORKER), "")));
    refuse(&refused);
}

#[test]
fn a_request_has_the_subject_of_its_node_and_nothing_beside_its_names() {
    let maker = Maker::new();
    let own = format!("subjectAltName=DNS:{WORKER},IP:192.0.2.21");
    let cn = format!("CN=system:node:{WORKER}");
    let mut refused: Vec<(&str, String)> = [
        ("another node", subject(MASTER)),
        ("no organization", cn.clone()),
        ("administrators", format!("O=system:masters\n{cn}")),
        (
            "two organizations",
            format!("0.O=system:nodes\n1.O=system:masters\n{cn}"),
        ),
        (
            "two organizations at once",
            format!("0.O=system:nodes\n1.+O=system:masters\n{cn}"),
        ),
        ("a unit", format!("O=system:nodes\nOU=a\n{cn}")),
        (
            "two names",
            format!("O=system:nodes\n0.{cn}\n1.CN=system:node:{MASTER}"),
        ),
        ("the other way round", format!("{cn}\nO=system:nodes")),
        ("a line break", format!("O=system:nodes\n{cn}\\nCN=a")),
        ("a blank", format!("O=\"system:nodes \"\n{cn}")),
        ("no prefix", format!("O=system:nodes\nCN={WORKER}")),
    ]
    .map(|(what, subject)| (what, maker.request(&subject, &own)))
    .into();
    for (what, extension) in [
        ("an authority", "basicConstraints=critical,CA:TRUE"),
        ("a client", "extendedKeyUsage=serverAuth,clientAuth"),
        ("a signer", "keyUsage=keyCertSign"),
        ("names twice", "2.5.29.17=DER:3006870400000000"),
    ] {
        let both = format!("{own}\n{extension}");
        refused.push((what, maker.request(&subject(WORKER), &both)));
    }
    let password = format!(
        "[req]\nprompt=no\ndistinguished_name=dn\nreq_extensions=ext\nattributes=more\n[dn]\n{}\n[ext]\n{own}\n\
         [more]\nchallengePassword=12345678\n",
        subject(WORKER)
    );
    refused.push(("a password", maker.configured("p256", &password)));
    refuse(&refused);
}

#[test]
fn a_request_is_one_block_of_pem_and_nothing_else() {
    let maker = Maker::new();
    let other = maker.of_node(MASTER, &format!("DNS:{MASTER}"));
    let inside = KUBELETS.replace("REQUEST-----\nM", "REQUEST-----\nA: b\n\nM");
    let long = "A".repeat(9000);
    refuse(&[
        ("two", format!("{KUBELETS}{other}")),
        ("two, the other way round", format!("{other}{KUBELETS}")),
        ("the same twice", format!("{KUBELETS}{KUBELETS}")),
        ("a line before", format!("a\n{KUBELETS}")),
        ("a line behind", format!("{KUBELETS}a\n")),
        (
            "no end",
            KUBELETS.trim_end().trim_end_matches('-').to_owned(),
        ),
        ("other ends of lines", KUBELETS.replace('\n', "\r\n")),
        ("headers", inside),
        (
            "another label",
            KUBELETS.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
        ),
        ("half of it", KUBELETS[..KUBELETS.len() / 2].to_owned()),
        ("nothing", String::new()),
        (
            "only labels",
            KUBELETS
                .lines()
                .filter(|line| line.starts_with('-'))
                .map(|line| format!("{line}\n"))
                .collect(),
        ),
        (
            "very much",
            KUBELETS.replace("-----END", &format!("{long}\n-----END")),
        ),
    ]);
    let mut cut = STANDARD
        .decode(
            KUBELETS
                .lines()
                .filter(|line| !line.starts_with('-'))
                .collect::<String>(),
        )
        .unwrap();
    let pem = |der: &[u8]| {
        format!(
            "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
            STANDARD.encode(der)
        )
    };
    judge(&[Asked::new("csr-whole", pem(&cut))], &["csr-whole"]);
    cut.push(0);
    refuse(&[
        ("a byte more", pem(&cut)),
        ("a byte less", pem(&cut[..cut.len() - 2])),
    ]);
}

#[test]
fn who_asks_for_what_is_looked_at_too() {
    let good = || Asked::new("csr-a", KUBELETS);
    let asked = [
        Asked {
            user: format!("system:node:{MASTER}"),
            ..good()
        },
        Asked {
            user: "system:node:k8s-node-9".into(),
            ..good()
        },
        Asked {
            user: "system:node:".into(),
            ..good()
        },
        Asked {
            user: format!("system:node:{WORKER}\n"),
            ..good()
        },
        Asked {
            user: format!("system:node:{WORKER} x"),
            ..good()
        },
        Asked {
            user: "kubernetes-admin".into(),
            ..good()
        },
        Asked {
            user: String::new(),
            ..good()
        },
        Asked {
            groups: vec!["system:authenticated"],
            ..good()
        },
        Asked {
            groups: vec!["system:nodes:a", "a,system:nodes"],
            ..good()
        },
        Asked {
            groups: vec![],
            ..good()
        },
        Asked {
            signer: "kubernetes.io/kube-apiserver-client-kubelet",
            ..good()
        },
        Asked {
            signer: "kubernetes.io/kube-apiserver-client",
            ..good()
        },
        Asked {
            signer: "",
            ..good()
        },
        Asked {
            usages: vec!["server auth", "client auth"],
            ..good()
        },
        Asked {
            usages: vec!["server auth", "any"],
            ..good()
        },
        Asked {
            usages: vec!["server auth", "cert sign"],
            ..good()
        },
        Asked {
            usages: vec!["digital signature"],
            ..good()
        },
        Asked {
            usages: vec!["server auth,"],
            ..good()
        },
        Asked {
            usages: vec![],
            ..good()
        },
    ];
    judge(&asked, &[]);
    judge(&[good()], &["csr-a"]);
    // Before 1.18 a request names no signer.
    let old = Asked {
        signer: "",
        ..good()
    };
    assert_eq!(approved(&master(), "mawk", "", &[old, good()]), ["csr-a"]);
}

#[test]
fn a_name_is_a_word_and_no_option() {
    let named = |name: &str| Asked::new(name, KUBELETS);
    let tricks = [
        "--all", "-f", "a b", "a\nb", "a;id", "$(id)", "`id`", "a\0b", "", "../a", "a/b", "ä",
        "a*", "A", "a=b", "a'b",
    ];
    judge(&tricks.map(named), &[]);
    judge(
        &["csr-4x2kz", "0", "a--b"].map(named),
        &["csr-4x2kz", "0", "a--b"],
    );
    // Lines that no kubectl writes.
    let master = master();
    for awk in ["mawk", "gawk"] {
        let spoilt = Asked {
            signer: "kubernetes.io/kubelet-serving x",
            ..named("csr-a")
        };
        assert_eq!(approved(&master, awk, SIGNER, &[spoilt]), [""; 0]);
    }
}

/// None of them is approved, one by one, while a good one beside it is.
fn refuse(requests: &[(&str, String)]) {
    let good = Asked::new("good", KUBELETS);
    let mut asked = vec![good.clone()];
    for (place, (_, pem)) in requests.iter().enumerate() {
        asked.push(Asked::new(&format!("bad-{place}"), pem.as_str()));
    }
    asked.push(good);
    let master = master();
    for awk in ["mawk", "gawk"] {
        let wrong: Vec<&str> = approved(&master, awk, SIGNER, &asked)
            .iter()
            .filter_map(|name| name.strip_prefix("bad-"))
            .map(|place| requests[place.parse::<usize>().unwrap()].0)
            .collect();
        assert_eq!(wrong, [""; 0], "{awk}");
        assert_eq!(approved(&master, awk, SIGNER, &asked), ["good", "good"]);
    }
}
