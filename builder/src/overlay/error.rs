//! Why overlays cannot be laid.

use std::path::PathBuf;

use crate::failure::{Exit, Failure};
use crate::tree::TreePath;

/// Why overlays cannot be laid.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// A file of a directory given on the command line cannot be read.
    #[error("cannot read overlay `{}`", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file that lies in no overlay, or whose name no image takes.
    #[error("`{}` belongs to no overlay", path.display())]
    Path {
        /// The file, from the overlays' directory on.
        path: PathBuf,
    },
    /// A template without a proper header.
    #[error("the header of template `{}` is wrong: {reason}", path.display())]
    Header {
        /// The file, from the overlays' directory on.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A template that cannot be rendered, most often because it uses a value that does not exist.
    #[error("cannot render the template of `{path}`")]
    Render {
        /// Where the file goes.
        path: TreePath,
        /// What the template engine said.
        #[source]
        source: tera::Error,
    },
}

impl Failure for OverlayError {
    fn exit(&self) -> Exit {
        Exit::UserFiles
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Path { .. } => {
                Some("put it into `node/`, `master/` or `worker/`, under its path in the image".into())
            }
            Self::Header { .. } => {
                Some("begin with `{#- what it is`, then lines `Values:`, `Mode:`, `When:`, and end with `-#}`".into())
            }
            Self::Read { .. } | Self::Render { .. } => None,
        }
    }
}
