// SPDX-License-Identifier: BSD-2-Clause
//! The headers that a kernel build generates: options, vnode operations,
//! machine links.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection};

/// Fills `include` for the kernel whose image is given; its options.
pub fn generate(sys: &Path, kernel: &[u8], include: &Path) -> Result<BTreeMap<String, String>> {
    fs::create_dir_all(include)?;
    let config = config_of(kernel)?;
    let wanted = options_in(&config);
    if !wanted.contains_key("MAC") {
        bail!("this kernel has no `options MAC`: rjail cannot hook it");
    }
    for (file, body) in option_headers(sys, &wanted)? {
        write_if_changed(&include.join(file), &body)?;
    }
    for (name, target) in
        [("machine", "amd64/include"), ("x86", "x86/include"), ("i386", "i386/include")]
    {
        let link = include.join(name);
        if !link.exists() {
            std::os::unix::fs::symlink(sys.join(target), &link)?;
        }
    }
    for (flag, name) in
        [("-h", "vnode_if.h"), ("-p", "vnode_if_newproto.h"), ("-q", "vnode_if_typedef.h")]
    {
        if !include.join(name).exists() {
            let status = Command::new("awk")
                .current_dir(include)
                .arg("-f")
                .arg(sys.join("tools/vnode_if.awk"))
                .arg(sys.join("kern/vnode_if.src"))
                .arg(flag)
                .status()
                .context("running awk")?;
            if !status.success() || !include.join(name).exists() {
                bail!("awk did not make {name} from kern/vnode_if.src");
            }
        }
    }
    Ok(wanted)
}

/// The configuration file that the kernel carries in itself.
fn config_of(kernel: &[u8]) -> Result<String> {
    let file = object::File::parse(kernel).context("not an ELF kernel")?;
    let section = file.section_by_name("kern_conf").context(
        "the kernel does not carry its configuration (options INCLUDE_CONFIG_FILE): \
         its options cannot be known",
    )?;
    let text = section.data()?;
    Ok(String::from_utf8_lossy(text).trim_end_matches('\0').to_owned())
}

/// The options of a configuration, last word counting: name to value.
fn options_in(config: &str) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    for line in config.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let Some((kind, rest)) = line.trim().split_once(char::is_whitespace) else { continue };
        for option in rest.split(',') {
            let option = option.trim().trim_matches('"');
            let (name, value) = option.split_once('=').unwrap_or((option, "1"));
            match kind {
                "options" | "option" => {
                    options.insert(name.trim().to_owned(), value.trim().to_owned());
                }
                "nooptions" | "nooption" => {
                    options.remove(name.trim());
                }
                _ => {}
            }
        }
    }
    options
}

/// Every option header the kernel's `conf/options*` names, with the options set.
fn option_headers(
    sys: &Path,
    wanted: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    headers.insert("opt_global.h".into(), String::new());
    let mut known = BTreeSet::new();
    for file in ["conf/options", "conf/options.amd64"] {
        let text = fs::read_to_string(sys.join(file)).with_context(|| format!("sys/{file}"))?;
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let Some(name) = words.next() else { continue };
            let header = words
                .next()
                .map_or_else(|| format!("opt_{}.h", name.to_lowercase()), ToOwned::to_owned);
            let body = headers.entry(header).or_default();
            if let Some(value) = wanted.get(name)
                && known.insert(name.to_owned())
            {
                body.push_str(&format!("#define {name} {value}\n"));
            }
        }
    }
    Ok(headers)
}

fn write_if_changed(path: &Path, body: &str) -> Result<()> {
    if fs::read_to_string(path).ok().as_deref() != Some(body) {
        fs::write(path, body)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::options_in;

    #[test]
    fn options_are_read_with_values_comments_and_removals() {
        let options = options_in(
            "options\tINVARIANTS\t# checks\noptions SCSI_DELAY=5000\n\
             options A,B\nnooptions A\ndevice lo\n#options NOT\n",
        );
        let names: Vec<_> = options.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(names, ["B=1", "INVARIANTS=1", "SCSI_DELAY=5000"]);
    }
}
