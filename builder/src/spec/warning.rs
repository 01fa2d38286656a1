//! The names of warnings, by which `allow` silences them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Its variants have comments of no kind that schemars reads: the schema lists them as plain words.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Warning {
    AdministratorsKey,
    Deprecated,
    DifferentNetworks,
    EndpointOfNoMaster,
    EvenMasters,
    EndlessTokens,
    FewPodAddresses,
    ListedTwice,
    LongLivedCertificates,
    LongLivedTokens,
    ManyMasters,
    ManyNameServers,
    MovingImage,
    NoNodeForPods,
    ShortKeys,
    ShortLivedCertificates,
    ShortLivedTokens,
    UnusedAllow,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
