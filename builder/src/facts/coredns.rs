//! What a CoreDNS reads in its Corefile, whichever Kubernetes it serves.

use super::minors;
use crate::spec::Version;

/// Words of the Corefile that the CoreDNS of an image knows and others do not: those of the newest known one that is
/// not newer. `None` if the image's tag is no version.
pub fn corefile(image: &str) -> Option<&'static [String]> {
    let version = version(image)?;
    let known = minors()
        .iter()
        .map_while(|minor| Some((self::version(&minor.coredns)?, &minor.corefile)));
    let older = known.filter(|(known, _)| *known <= version).last();
    older
        .or_else(|| Some((version, &minors().first()?.corefile)))
        .map(|(_, words)| words.as_slice())
}

/// The version that an image's tag says, as `1.12.1` of `registry.k8s.io/coredns/coredns:v1.12.1`.
fn version(image: &str) -> Option<Version> {
    let (tagged, _) = image.split_once('@').unwrap_or((image, ""));
    let (_, tag) = tagged.rsplit_once(':')?;
    tag.parse().ok()
}

/// An image of CoreDNS as kubeadm is told of it: repository and tag. It puts the name `coredns` between the two itself, so an
/// image of another name is none for it.
pub fn coredns_for_kubeadm(image: &str) -> Option<(&str, &str)> {
    image.rsplit_once("/coredns:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_server_reads_the_words_of_its_minor() {
        for minor in minors() {
            assert_eq!(corefile(&minor.coredns), Some(minor.corefile.as_slice()));
        }
    }

    #[test]
    fn another_name_server_reads_what_its_elder_does() {
        let words = |image| corefile(image).map(|words| words.join(" "));
        assert_eq!(
            words("docker.io/coredns/coredns:1.1.1").as_deref(),
            Some("upstream")
        );
        assert_eq!(
            words("example.org:5000/dns:v9.0.0@sha256:00").as_deref(),
            Some("ready max_concurrent loop reload")
        );
        assert_eq!(words("example.org/dns:0.9.0").as_deref(), Some("upstream"));
        assert_eq!(words("example.org:5000/dns"), None);
        assert_eq!(words("example.org/dns:stable"), None);
    }
}
