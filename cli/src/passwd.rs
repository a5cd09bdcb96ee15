// SPDX-License-Identifier: BSD-2-Clause
//! Users of a jail: its own /etc/passwd and /etc/group, read as text by a process
//! that is in it already. No library of the jail's gets a say.

use std::ffi::OsString;

/// passwd(5)'s line of a user, and the groups they are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The login name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// Their group's.
    pub gid: u32,
    /// Other groups'.
    pub groups: Vec<u32>,
    /// Where they start.
    pub home: String,
    /// What they type to.
    pub shell: String,
}

/// Most groups that a process can be in.
const MOST_GROUPS: usize = 1023;

/// A user by name, or by number where no user has such a name.
#[must_use]
pub fn find(passwd: &str, group: &str, wanted: &str) -> Option<User> {
    let lines = || passwd.lines().filter_map(line);
    let mut user = lines()
        .find(|user| user.name == wanted)
        .or_else(|| lines().find(|user| wanted.parse() == Ok(user.uid)))?;
    user.groups = group
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let gid = fields.nth(2)?.parse().ok()?;
            let members = fields.next()?;
            members.split(',').any(|member| member.trim() == user.name).then_some(gid)
        })
        .filter(|gid| *gid != user.gid)
        .take(MOST_GROUPS)
        .collect();
    Some(user)
}

fn line(line: &str) -> Option<User> {
    let [name, _, uid, gid, _, home, shell] =
        line.split(':').collect::<Vec<_>>().try_into().ok()?;
    // An empty name matches nothing, and what compat(5) puts first is no user.
    if name.is_empty() || name.starts_with(['#', '+', '-']) {
        return None;
    }
    let or = |text: &str, other: &str| if text.is_empty() { other } else { text }.to_owned();
    Some(User {
        name: name.to_owned(),
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        groups: Vec::new(),
        home: or(home, "/"),
        shell: or(shell, "/bin/sh"),
    })
}

/// Where programs are looked for.
pub const PATH: &str = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin";

/// The environment of a program in a jail, from the caller's: all of it, or the
/// terminal alone; and who it runs as.
pub fn environment(
    callers: impl IntoIterator<Item = (OsString, OsString)>,
    clean: bool,
    user: Option<&User>,
) -> Vec<(OsString, OsString)> {
    let root = User {
        name: "root".to_owned(),
        uid: 0,
        gid: 0,
        groups: Vec::new(),
        home: "/root".to_owned(),
        shell: "/bin/sh".to_owned(),
    };
    let mut own: Vec<(OsString, OsString)> = Vec::new();
    if clean || user.is_some() {
        let user = user.unwrap_or(&root);
        let pairs = [("HOME", &user.home), ("SHELL", &user.shell), ("USER", &user.name)];
        own.extend(pairs.map(|(name, value)| (name.into(), value.into())));
    }
    if clean {
        own.push(("PATH".into(), PATH.into()));
    }
    let kept =
        |name: &OsString| (!clean || name == "TERM") && !own.iter().any(|(other, _)| other == name);
    let callers: Vec<_> = callers.into_iter().filter(|(name, _)| kept(name)).collect();
    own.into_iter().chain(callers).collect()
}

#[cfg(test)]
mod tests {
    use super::{environment, find};

    const PASSWD: &str = "\
# comment
root:*:0:0:Charlie &:/root:/bin/sh
toor:*:0:0:Bourne-again Superuser:/root:
www:*:80:80:World Wide Web Owner:/nonexistent:/usr/sbin/nologin
80:*:4000:4000:A number for a name::
short:*:1
+:::::::
:*:7:7:::
big:*:4294967296:1:::
";
    const GROUP: &str = "\
wheel:*:0:root,www
www:*:80:www
mail:*:6:postfix, www
broken
dialer:*:x:www
";

    #[test]
    fn a_user_and_their_groups() {
        let www = find(PASSWD, GROUP, "www").expect("a user");
        assert_eq!((www.uid, www.gid, www.groups.as_slice()), (80, 80, [0, 6].as_slice()));
        assert_eq!((www.home.as_str(), www.shell.as_str()), ("/nonexistent", "/usr/sbin/nologin"));
        let root = find(PASSWD, GROUP, "root").expect("a user");
        assert_eq!((root.uid, root.gid, root.groups.len()), (0, 0, 0));
        let toor = find(PASSWD, GROUP, "toor").expect("a user");
        assert_eq!(toor.shell, "/bin/sh");
    }

    #[test]
    fn a_name_comes_before_a_number() {
        assert_eq!(find(PASSWD, GROUP, "80").expect("by name").uid, 4000);
        assert_eq!(find(PASSWD, GROUP, "4000").expect("by number").home, "/");
        assert_eq!(find(PASSWD, GROUP, "0").expect("the first of them").name, "root");
    }

    #[test]
    fn what_is_no_user_is_not_found() {
        for name in ["", "nobody", "short", "+", "#", "big", "7", "4294967296", "-1"] {
            assert_eq!(find(PASSWD, GROUP, name), None, "{name}");
        }
    }

    #[test]
    fn a_clean_environment_has_the_terminal_alone() {
        let callers = [("TERM", "xterm"), ("SECRET", "x"), ("HOME", "/home/me")];
        let callers = callers.map(|(name, value)| (name.into(), value.into()));
        let text = |clean, user: Option<&str>| {
            let user = user.map(|name| find(PASSWD, GROUP, name).expect("a user"));
            let pairs = environment(callers.clone(), clean, user.as_ref());
            let pairs = pairs.iter().map(|(name, value)| {
                format!("{}={}", name.to_string_lossy(), value.to_string_lossy())
            });
            pairs.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(text(false, None), "TERM=xterm SECRET=x HOME=/home/me");
        assert_eq!(
            text(true, None),
            "HOME=/root SHELL=/bin/sh USER=root \
             PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin TERM=xterm"
        );
        assert_eq!(
            text(false, Some("www")),
            "HOME=/nonexistent SHELL=/usr/sbin/nologin USER=www TERM=xterm SECRET=x"
        );
    }
}
