//! Audit policies that people wrote, read as the API server reads them: what it would refuse, or lose without a word,
//! is told at its line.
//!
//! Follows <https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/>, whose shape has been the same since
//! v1beta1.

use super::pointer::{Place, Pointer, locate, node_at};
use super::problem::{Problem, Problems, Severity, SpecError};
use super::schema::{closest, list};
use super::source::{self, Content, Node};
use crate::facts::Api;

const POLICY: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "omitManagedFields",
    "omitStages",
    "rules",
];
const RULE: &[&str] = &[
    "level",
    "namespaces",
    "nonResourceURLs",
    "omitManagedFields",
    "omitStages",
    "resources",
    "userGroups",
    "users",
    "verbs",
];
const RESOURCE: &[&str] = &["group", "resourceNames", "resources"];
const LEVELS: &[&str] = &["None", "Metadata", "Request", "RequestResponse"];
const STAGES: &[&str] = &[
    "RequestReceived",
    "ResponseStarted",
    "ResponseComplete",
    "Panic",
];
/// All versions of its format.
const GROUP: &str = "audit.k8s.io/";

/// Reads an audit policy; `file_name` is what problems call it. It comes back as it was written, but in the version of
/// the format that `api` is.
///
/// # Errors
///
/// With every problem that could be found in one run.
pub fn audit_policy(text: &str, file_name: &str, api: &Api) -> Result<String, SpecError> {
    let failed = |problems| SpecError::new(Problems::new(file_name, text, problems));
    let (document, problems) = source::read(text).map_err(|problem| failed(vec![*problem]))?;
    let mut policy = Policy {
        document: &document,
        problems,
    };
    policy.check(api);
    let problems = policy.problems;
    if problems
        .iter()
        .any(|problem| problem.severity == Severity::Error)
    {
        return Err(failed(problems));
    }
    let mut text = text.to_owned();
    if let Some(version) = document.member("apiVersion") {
        text.replace_range(version.node.span.clone(), &api.version);
    }
    Ok(text)
}

/// A policy, and what is wrong with it.
struct Policy<'d> {
    document: &'d Node,
    problems: Vec<Problem>,
}

impl<'d> Policy<'d> {
    fn check(&mut self, api: &Api) {
        let top = Pointer::top();
        if !self.is_mapping(&top, "an audit policy") {
            return;
        }
        self.keys(&top, POLICY);
        let kind = self.word(&top.key("kind"));
        if kind != Some(api.kind.as_str()) {
            let message = format!("`kind` must be `{}`", api.kind);
            self.tell(&top.key("kind"), message, None);
        }
        let version = self.word(&top.key("apiVersion"));
        if !version.is_some_and(|version| version.starts_with(GROUP)) {
            let help = format!("write `apiVersion: {}`", api.version);
            let group = GROUP.trim_end_matches('/');
            let message = format!("`apiVersion` must be a version of `{group}`");
            self.tell(&top.key("apiVersion"), message, Some(help));
        }
        self.stages(&top);
        let rules = self.items(&top.key("rules"));
        if rules.is_empty() {
            let message = "`rules` must be a list of rules: without one nothing is logged";
            self.tell(&top.key("rules"), message, None);
        }
        for rule in rules {
            self.rule(&rule);
        }
    }

    fn rule(&mut self, rule: &Pointer) {
        if !self.is_mapping(rule, "a rule") {
            return;
        }
        self.keys(rule, RULE);
        match self.word(&rule.key("level")) {
            Some(_) => self.one_of(&rule.key("level"), "level", LEVELS),
            None => {
                let help = format!("it can be {}", choice(LEVELS));
                self.tell(rule, "a rule needs a `level`", Some(help));
            }
        }
        self.stages(rule);
        for key in [
            "users",
            "userGroups",
            "verbs",
            "namespaces",
            "nonResourceURLs",
        ] {
            self.words(&rule.key(key));
        }
        let resources = self.items(&rule.key("resources"));
        for resource in &resources {
            if self.is_mapping(resource, "an item of `resources`") {
                self.keys(resource, RESOURCE);
                self.words(&resource.key("resources"));
                self.words(&resource.key("resourceNames"));
                let named = !self.items(&resource.key("resourceNames")).is_empty();
                if named && self.items(&resource.key("resources")).is_empty() {
                    let message = "`resourceNames` needs `resources` beside it";
                    self.tell(&resource.key("resourceNames"), message, None);
                }
            }
        }
        let urls = rule.key("nonResourceURLs");
        let namespaces = self.items(&rule.key("namespaces"));
        let of_resources = !resources.is_empty() || !namespaces.is_empty();
        if of_resources && !self.items(&urls).is_empty() {
            let message = "a rule is for resources or for `nonResourceURLs`, not for both";
            self.tell(&urls, message, Some("make two rules of it".to_owned()));
        }
    }

    /// The key `omitStages`.
    fn stages(&mut self, within: &Pointer) {
        let at = within.key("omitStages");
        self.words(&at);
        for stage in self.items(&at) {
            self.one_of(&stage, "stage", STAGES);
        }
    }

    fn one_of(&mut self, at: &Pointer, what: &str, known: &[&str]) {
        let Some(word) = self.word(at).filter(|word| !known.contains(word)) else {
            return;
        };
        let help = match closest(word, known.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("it can be {}", choice(known)),
        };
        self.tell(at, format!("there is no {what} `{word}`"), Some(help));
    }

    fn keys(&mut self, at: &Pointer, known: &[&str]) {
        let Some(Content::Mapping(members)) = self.node(at).map(|node| &node.content) else {
            return;
        };
        for member in members {
            if !known.contains(&member.key.as_str()) {
                let help = match closest(&member.key, known.iter().copied()) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None => format!("known here: {}", choice(known)),
                };
                let message = format!("unknown key `{}`", member.key);
                self.tell_at(&at.key(&member.key), Place::Key, message, Some(help));
            }
        }
    }

    fn is_mapping(&mut self, at: &Pointer, what: &str) -> bool {
        let is = matches!(self.node(at), Some(node) if matches!(node.content, Content::Mapping(_)));
        if !is {
            self.tell(at, format!("{what} is keys and values"), None);
        }
        is
    }

    /// Sees to it that a value, if it is there, is a list of words.
    fn words(&mut self, at: &Pointer) {
        let Some(node) = self.node(at) else { return };
        let right = match &node.content {
            Content::Sequence(items) => items
                .iter()
                .all(|item| matches!(item.content, Content::Scalar { .. })),
            Content::Scalar { text, .. } => text.is_empty(),
            Content::Mapping(_) => false,
        };
        if !right {
            self.tell(at, format!("{} must be a list of words", at.name()), None);
        }
    }

    /// Where the items of a list are; none if it is no list.
    fn items(&self, at: &Pointer) -> Vec<Pointer> {
        match self.node(at).map(|node| &node.content) {
            Some(Content::Sequence(items)) => {
                (0..items.len()).map(|index| at.index(index)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn word(&self, at: &Pointer) -> Option<&'d str> {
        match &self.node(at)?.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    fn node(&self, at: &Pointer) -> Option<&'d Node> {
        node_at(self.document, at)
    }

    fn tell(&mut self, at: &Pointer, message: impl Into<String>, help: Option<String>) {
        self.tell_at(at, Place::Value, message, help);
    }

    fn tell_at(
        &mut self,
        at: &Pointer,
        place: Place,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let mut problem = Problem::error(locate(self.document, at, place), message);
        if let Some(help) = help {
            problem = problem.suggest(help);
        }
        problem.pointer = at.clone().into();
        self.problems.push(problem);
    }
}

fn choice(words: &[&str]) -> String {
    list(
        &words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>(),
    )
}
