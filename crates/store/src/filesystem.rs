//! Where a database may live: refuses network file systems, on which SQLite's locks and shared
//! memory are not reliable (<https://www.sqlite.org/useovernet.html>).

use std::path::Path;

const NETWORK: [&str; 10] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "9p",
    "afs",
    "fuse.sshfs",
    "ceph",
];

/// The type of the network file system that holds `path`, given the text of `/proc/mounts`;
/// `None` if it is a local one or unknown.
pub fn network_type<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (_device, point, kind) = (fields.next()?, fields.next()?, fields.next()?);
            // Spaces in mount points are written as \040.
            let point = point.replace("\\040", " ");
            path.starts_with(&point).then_some((point.len(), kind))
        })
        .max_by_key(|(length, _)| *length)
        .map(|(_, kind)| kind)
        .filter(|kind| NETWORK.contains(kind))
}

#[cfg(test)]
mod tests {
    use super::network_type;
    use std::path::Path;

    #[test]
    fn the_innermost_mount_decides() {
        let mounts = "/dev/vda / ext4 rw 0 0\nsrv:/x /mnt/share nfs4 rw 0 0\ntmpfs /mnt/share/local tmpfs rw 0 0\n";
        assert_eq!(network_type(mounts, Path::new("/var/lib/waddlebot")), None);
        assert_eq!(
            network_type(mounts, Path::new("/mnt/share/a")),
            Some("nfs4")
        );
        assert_eq!(network_type(mounts, Path::new("/mnt/share/local/a")), None);
    }
}
