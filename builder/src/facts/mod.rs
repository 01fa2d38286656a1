//! What each version of Kubernetes knows, needs and refuses, as data.
