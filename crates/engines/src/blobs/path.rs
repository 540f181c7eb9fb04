//! Which paths a blob may have: the same on a directory and on S3, and never out of the store.

use object_store::path::Path;

use super::BlobsError;

/// The longest path, in bytes.
pub const MAX_PATH_BYTES: usize = 512;
/// File names end at 255 bytes, and the directory store appends to them while it writes.
const MAX_PART_BYTES: usize = 200;

/// Checks a path (see [`super::Blobs`] for the rules).
pub(super) fn checked(path: &str) -> Result<Path, BlobsError> {
    if path.is_empty() {
        return Err(BlobsError::BadPath("must not be empty"));
    }
    if path.len() > MAX_PATH_BYTES {
        return Err(BlobsError::BadPath("may have at most 512 bytes"));
    }
    for part in path.split('/') {
        match part {
            "" => return Err(BlobsError::BadPath("must not have an empty part")),
            "." | ".." => return Err(BlobsError::BadPath("must not have a part `.` or `..`")),
            _ if part.len() > MAX_PART_BYTES => {
                return Err(BlobsError::BadPath("may have at most 200 bytes per part"));
            }
            _ if !part.bytes().all(allowed) => {
                return Err(BlobsError::BadPath(
                    "may have only ASCII letters, digits and - _ . = @ + /",
                ));
            }
            _ => {}
        }
    }
    Path::parse(path).map_err(|source| BlobsError::Store {
        path: path.to_owned(),
        source: source.into(),
    })
}

fn allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.=@+".contains(&byte)
}
