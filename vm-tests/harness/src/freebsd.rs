// SPDX-License-Identifier: BSD-2-Clause
//! Fills the FreeBSD directory from the official distribution sets of a
//! release: the kernel, the boot loader and the kernel's source for its headers.
//!
//! Nothing is unpacked before its checksum is right. Every set is done or not
//! done: run again after an interruption, it goes on where it was.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use liblzma::read::XzDecoder;
use sha2::{Digest as _, Sha256};
use tar::{Archive, EntryType};

use crate::needs;

/// Which release, from where, to where.
#[derive(Debug, clap::Args)]
pub struct FreebsdArgs {
    /// A release by name: 15.1, or 15.1-RELEASE.
    release: String,
    /// Where the sets are: the directory with MANIFEST.
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// The directory to fill.
    #[arg(long, env = "RJAIL_FREEBSD", value_name = "DIR")]
    freebsd: Option<PathBuf>,
}

/// A distribution set, and the part of it that is wanted.
#[derive(Clone, Copy, Debug)]
struct Set {
    name: &'static str,
    /// A file, or a directory with all that is in it.
    from: &'static str,
    to: &'static str,
}

const SETS: [Set; 14] = [
    Set { name: "kernel.txz", from: "boot/kernel/kernel", to: "kernel" },
    // File systems and kinds of IPC that GENERIC has as modules.
    Set { name: "kernel.txz", from: "boot/kernel/nullfs.ko", to: "modules/nullfs.ko" },
    Set { name: "kernel.txz", from: "boot/kernel/fdescfs.ko", to: "modules/fdescfs.ko" },
    Set { name: "kernel.txz", from: "boot/kernel/sem.ko", to: "modules/sem.ko" },
    Set { name: "kernel.txz", from: "boot/kernel/mqueuefs.ko", to: "modules/mqueuefs.ko" },
    Set { name: "kernel.txz", from: "boot/kernel/linux_common.ko", to: "modules/linux_common.ko" },
    Set { name: "kernel.txz", from: "boot/kernel/linprocfs.ko", to: "modules/linprocfs.ko" },
    Set { name: "base.txz", from: "boot/loader_simp.efi", to: "loader.efi" },
    // What the user tool is linked with, and the example in C compiled.
    Set { name: "base.txz", from: "usr/lib", to: "base/usr/lib" },
    Set { name: "base.txz", from: "usr/include", to: "base/usr/include" },
    // What runs a script of rc.d(8), linked statically.
    Set { name: "base.txz", from: "rescue", to: "base/rescue" },
    Set { name: "base.txz", from: "etc/rc.subr", to: "base/etc/rc.subr" },
    Set { name: "base.txz", from: "etc/defaults/rc.conf", to: "base/etc/defaults/rc.conf" },
    Set { name: "src.txz", from: "usr/src/sys", to: "sys" },
];

/// Fills the directory.
pub fn fill(args: &FreebsdArgs) -> Result<()> {
    let version = args.release.trim_end_matches("-RELEASE");
    let release =
        if version.contains('-') { version.to_owned() } else { format!("{version}-RELEASE") };
    let directory = args.freebsd.clone().unwrap_or_else(|| needs::freebsd_directory(version));
    let mirror = args
        .mirror
        .clone()
        .unwrap_or_else(|| format!("https://download.freebsd.org/releases/amd64/amd64/{release}"));
    let mirror = Mirror::new(mirror.trim_end_matches('/'));
    fill_from(&mirror, &directory)
        .map_err(|error| anyhow!("{error:#}\n{}", by_hand(&mirror.base, &directory)))?;
    println!("{} is filled.", directory.display());
    if !directory.join("kernel-debug").is_file() {
        println!(
            "No release has a debug kernel. For the tests on one, build GENERIC with INVARIANTS \
             and WITNESS\nfrom the same source and put it there as kernel-debug."
        );
    }
    Ok(())
}

fn by_hand(base: &str, directory: &Path) -> String {
    let mut text = format!(
        "{} is not filled. Run it again when the network is there: what was fetched is kept.\n\
         Or do it by hand, with the sets of {base}\n\
         or of the release's installation image (/usr/freebsd-dist):",
        directory.display()
    );
    for set in SETS {
        let to = directory.join(set.to);
        text.push_str(&format!(
            "\n    from {} take {} and put it at {}",
            set.name,
            set.from,
            to.display()
        ));
    }
    text
}

fn fill_from(mirror: &Mirror, directory: &Path) -> Result<()> {
    let sets = directory.join(".sets");
    let due: Vec<Set> = SETS.into_iter().filter(|s| !directory.join(s.to).exists()).collect();
    if due.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(&sets).with_context(|| format!("cannot make {}", sets.display()))?;
    let manifest = mirror.text("MANIFEST")?;
    for set in due {
        let checksum = checksum_of(&manifest, set.name)?;
        let file = sets.join(set.name);
        mirror.fetch(set.name, &file, &checksum)?;
        unpack(set, &file, directory)?;
    }
    fs::remove_dir_all(&sets).with_context(|| format!("cannot remove {}", sets.display()))
}

/// The checksum of a set: the second field of its line.
fn checksum_of(manifest: &str, name: &str) -> Result<String> {
    manifest
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name))
        .and_then(|fields| fields.get(1).map(|sum| sum.to_ascii_lowercase()))
        .filter(|sum| sum.len() == 64)
        .with_context(|| format!("MANIFEST has no checksum for {name}: is this a release?"))
}

/// Where sets come from.
struct Mirror {
    base: String,
    agent: ureq::Agent,
}

impl Mirror {
    fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .build();
        Self { base: base.to_owned(), agent: config.into() }
    }

    fn text(&self, name: &str) -> Result<String> {
        let url = format!("{}/{name}", self.base);
        let mut answer =
            self.agent.get(&url).call().with_context(|| format!("cannot get {url}"))?;
        answer.body_mut().read_to_string().with_context(|| format!("cannot read {url}"))
    }

    /// Fetches what of the file is not there yet, and checks the whole.
    fn fetch(&self, name: &str, file: &Path, checksum: &str) -> Result<()> {
        if file.is_file() {
            return Ok(());
        }
        let part = file.with_extension("part");
        let have = fs::metadata(&part).map_or(0, |metadata| metadata.len());
        self.fetch_rest(name, &part, have)?;
        let found = sha256(&part)?;
        if found != checksum {
            fs::remove_file(&part)?;
            bail!("{name} has the checksum {found}, MANIFEST says {checksum}: it was thrown away");
        }
        fs::rename(&part, file).with_context(|| format!("cannot name {}", file.display()))
    }

    fn fetch_rest(&self, name: &str, part: &Path, have: u64) -> Result<()> {
        const RANGE_BEYOND_THE_END: u16 = 416;
        let url = format!("{}/{name}", self.base);
        let mut request = self.agent.get(&url);
        if have > 0 {
            request = request.header("Range", format!("bytes={have}-"));
        }
        let answer = match request.call() {
            Err(ureq::Error::StatusCode(RANGE_BEYOND_THE_END)) => return Ok(()),
            answer => answer.with_context(|| format!("cannot get {url}"))?,
        };
        let goes_on = answer.status().as_u16() == 206;
        let begin = if goes_on { have } else { 0 };
        let length = answer.body().content_length().unwrap_or(0);
        let progress = bar(name, begin + length);
        progress.set_position(begin);
        let mut options = OpenOptions::new();
        let mut to = if goes_on {
            options.append(true).open(part)
        } else {
            options.create(true).write(true).truncate(true).open(part)
        }
        .with_context(|| format!("cannot write {}", part.display()))?;
        let mut from = progress.wrap_read(answer.into_body().into_reader());
        io::copy(&mut from, &mut to).with_context(|| format!("{url} broke off"))?;
        to.flush()?;
        progress.finish();
        Ok(())
    }
}

fn bar(what: &str, length: u64) -> ProgressBar {
    let template = "{msg:12} {wide_bar} {bytes:>10} of {total_bytes:10} {eta:>4}";
    let style = ProgressStyle::with_template(template);
    let bar = ProgressBar::new(length).with_message(what.to_owned());
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn sha256(file: &Path) -> Result<String> {
    let mut from = File::open(file)?;
    let mut sum = Sha256::new();
    io::copy(&mut from, &mut sum)?;
    Ok(sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Unpacks the wanted part of a set, under a name of its own until it is whole.
fn unpack(set: Set, file: &Path, directory: &Path) -> Result<()> {
    let whole = directory.join(set.to);
    let begun = directory.join(format!("{}.part", set.to));
    if begun.is_dir() {
        fs::remove_dir_all(&begun)?;
    }
    let packed = File::open(file)?;
    let progress = bar(set.to, packed.metadata()?.len());
    let packed = progress.wrap_read(BufReader::new(packed));
    let mut archive = Archive::new(XzDecoder::new_multi_decoder(packed));
    let mut found = false;
    for entry in archive.entries()? {
        let mut entry = entry.with_context(|| format!("{} is damaged", set.name))?;
        let Some(rest) = beneath(&entry.path()?, set.from) else { continue };
        let to = if rest.as_os_str().is_empty() { begun.clone() } else { begun.join(&rest) };
        found = true;
        match entry.header().entry_type() {
            EntryType::Directory => fs::create_dir_all(&to)?,
            EntryType::Link => {
                let link = entry.link_name()?.and_then(|name| beneath(&name, set.from));
                let link = link.with_context(|| format!("a link out of {}", set.from))?;
                fs::copy(begun.join(link), &to)?;
            }
            EntryType::Regular => {
                if let Some(parent) = to.parent() {
                    fs::create_dir_all(parent)?;
                }
                write_file(&mut entry, &to)?;
            }
            EntryType::Symlink => {
                // libpthread.a is libthr.a; what leads elsewhere nobody asks for.
                let link = entry.link_name()?.filter(|name| name.components().count() == 1);
                if let Some(link) = link {
                    let _ = fs::remove_file(&to);
                    std::os::unix::fs::symlink(link, &to)?;
                }
            }
            _ => {}
        }
    }
    progress.finish();
    ensure!(found, "{} has no {}", set.name, set.from);
    fs::rename(&begun, &whole).with_context(|| format!("cannot name {}", whole.display()))
}

fn write_file(from: &mut impl Read, to: &Path) -> Result<()> {
    let mut file = File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    io::copy(from, &mut file).with_context(|| format!("cannot write {}", to.display()))?;
    Ok(())
}

/// What is left of an archive's name beneath a directory of it.
fn beneath(name: &Path, directory: &str) -> Option<PathBuf> {
    let name = name.strip_prefix(".").unwrap_or(name);
    let rest = name.strip_prefix(directory).ok()?;
    let plain = rest.components().all(|part| matches!(part, Component::Normal(_)));
    plain.then(|| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::BufRead as _;
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};
    use std::thread;

    use liblzma::write::XzEncoder;

    use super::*;

    /// A release of three small sets, served on this machine's loopback.
    struct Release {
        base: String,
        /// Each request: the file, and where it began.
        asked: Arc<Mutex<Vec<(String, usize)>>>,
    }

    fn set(files: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(XzEncoder::new(Vec::new(), 1));
        for (name, text) in files {
            let mut header = tar::Header::new_gnu();
            if let Some(target) = text.strip_prefix("-> ") {
                header.set_entry_type(EntryType::Symlink);
                header.set_size(0);
                archive.append_link(&mut header, name, target).unwrap();
                continue;
            }
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    fn serve(spoil: &'static str) -> Release {
        let kernel = set(&[
            ("./boot/kernel/other.ko", "x"),
            ("./boot/kernel/kernel", "a kernel"),
            ("./boot/kernel/nullfs.ko", "a file system"),
            ("./boot/kernel/fdescfs.ko", "another"),
            ("./boot/kernel/sem.ko", "semaphores"),
            ("./boot/kernel/mqueuefs.ko", "queues"),
            ("./boot/kernel/linux_common.ko", "Linux"),
            ("./boot/kernel/linprocfs.ko", "Linux's /proc"),
        ]);
        let base = set(&[
            ("./boot/loader_simp.efi", "a loader"),
            ("./bin/sh", "x"),
            ("./usr/lib/libthr.a", "threads"),
            ("./usr/lib/libpthread.a", "-> libthr.a"),
            ("./usr/lib/libc.so", "-> ../../etc/passwd"),
            ("./usr/include/stdio.h", "libc's"),
            ("./rescue/sh", "a shell"),
            ("./etc/rc.subr", "functions"),
            ("./etc/defaults/rc.conf", "settings"),
        ]);
        let src = set(&[("./usr/src/sys/sys/jail.h", "a header"), ("./usr/src/bin/x.c", "x")]);
        let mut files = vec![("kernel.txz", kernel), ("base.txz", base), ("src.txz", src)];
        let manifest: String = files
            .iter()
            .map(|(name, bytes)| {
                let sum: String =
                    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
                format!("{name}\t{sum}\t7\tset\t\"A set\"\ton\n")
            })
            .collect();
        files.push(("MANIFEST", manifest.into_bytes()));
        for (name, bytes) in &mut files {
            if *name == spoil {
                bytes[20] ^= 1;
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                let name = first.split(' ').nth(1).unwrap_or("").trim_start_matches('/').to_owned();
                let begin = lines
                    .take_while(|line| !line.is_empty())
                    .find_map(|line| {
                        let range = line.to_ascii_lowercase();
                        range.strip_prefix("range: bytes=")?.trim_end_matches('-').parse().ok()
                    })
                    .unwrap_or(0);
                log.lock().unwrap().push((name.clone(), begin));
                let found = files.iter().find(|(file, _)| *file == name);
                let (status, body) = match found {
                    None => ("404 Not Found", &[][..]),
                    Some((_, bytes)) if begin > 0 => ("206 Partial Content", &bytes[begin..]),
                    Some((_, bytes)) => ("200 OK", &bytes[..]),
                };
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(body).unwrap();
            }
        });
        Release { base, asked }
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn a_release_fills_the_directory() -> Result<()> {
        let (release, directory) = (serve(""), tempfile::tempdir()?);
        let at = directory.path().join("freebsd");
        fill_from(&Mirror::new(&release.base), &at)?;
        assert_eq!(text(&at.join("kernel")), "a kernel");
        assert_eq!(text(&at.join("modules/nullfs.ko")), "a file system");
        assert_eq!(text(&at.join("loader.efi")), "a loader");
        assert_eq!(text(&at.join("base/usr/lib/libpthread.a")), "threads");
        assert!(!at.join("base/usr/lib/libc.so").exists());
        assert_eq!(text(&at.join("base/usr/include/stdio.h")), "libc's");
        assert_eq!(text(&at.join("base/rescue/sh")), "a shell");
        assert_eq!(text(&at.join("base/etc/defaults/rc.conf")), "settings");
        assert_eq!(text(&at.join("sys/sys/jail.h")), "a header");
        assert_eq!(fs::read_dir(&at)?.count(), 5, "nothing else is left");
        // All there: nobody is asked again.
        let asked = release.asked.lock().unwrap().len();
        fill_from(&Mirror::new(&release.base), &at)?;
        assert_eq!(release.asked.lock().unwrap().len(), asked);
        Ok(())
    }

    #[test]
    fn a_wrong_checksum_is_refused() -> Result<()> {
        let (release, directory) = (serve("base.txz"), tempfile::tempdir()?);
        let error = fill_from(&Mirror::new(&release.base), directory.path()).unwrap_err();
        assert!(format!("{error:#}").contains("base.txz has the checksum"));
        assert!(!directory.path().join("loader.efi").exists());
        assert!(directory.path().join("kernel").exists(), "what was done stays done");
        Ok(())
    }

    #[test]
    fn it_goes_on_where_it_was() -> Result<()> {
        let (release, directory) = (serve(""), tempfile::tempdir()?);
        let mirror = Mirror::new(&release.base);
        let sets = directory.path().join(".sets");
        fs::create_dir_all(&sets)?;
        // The first forty bytes of the kernel's set are there already.
        let whole = sets.join("whole");
        mirror.fetch_rest("kernel.txz", &whole, 0)?;
        fs::write(sets.join("kernel.part"), &fs::read(&whole)?[..40])?;
        fs::remove_file(whole)?;
        fill_from(&mirror, directory.path())?;
        assert!(release.asked.lock().unwrap().contains(&("kernel.txz".to_owned(), 40)));
        assert_eq!(text(&directory.path().join("kernel")), "a kernel");
        Ok(())
    }

    #[test]
    fn without_a_network_it_says_what_to_put_where() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let args = FreebsdArgs {
            release: "15.1".to_owned(),
            // Nothing listens on the discard port.
            mirror: Some("http://127.0.0.1:9".to_owned()),
            freebsd: Some(directory.path().to_owned()),
        };
        let message = format!("{:#}", fill(&args).unwrap_err());
        for set in SETS {
            let to = directory.path().join(set.to).display().to_string();
            assert!(message.contains(set.from) && message.contains(&to), "{message}");
        }
        Ok(())
    }

    #[test]
    fn names_that_climb_are_not_unpacked() {
        assert_eq!(beneath(Path::new("./usr/src/sys/a.h"), "usr/src/sys"), Some("a.h".into()));
        assert_eq!(beneath(Path::new("usr/src/sys/../../a"), "usr/src/sys"), None);
        assert_eq!(beneath(Path::new("./usr/src/sysx/a.h"), "usr/src/sys"), None);
    }

    #[test]
    fn a_manifest_without_the_set_is_no_release() {
        assert!(checksum_of("<html>not found</html>", "base.txz").is_err());
    }
}
