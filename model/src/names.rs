// SPDX-License-Identifier: BSD-2-Clause
//! The name tree: directories, files, lookup and "..".
//!
//! Answers to `namei`, `vfs_lookup` and `vfs_lookup_isroot` (C source:
//! `sys/kern/vfs_lookup.c`).

use std::collections::BTreeMap;
use std::collections::btree_map;

use crate::{Errno, Result};

/// A node of the tree; its number stands for the vnode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(usize);

/// The machine's root directory.
pub const ROOT: Node = Node(0);

/// Where a node lies, seen from a jail's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The root itself, or beneath it.
    Beneath,
    /// Not beneath it.
    Outside,
}

#[derive(Debug)]
struct Entry {
    parent: Node,
    /// The names in a directory; `None` for a file.
    names: Option<BTreeMap<String, Node>>,
    owner: u32,
}

/// The directories of a process that bound its lookups.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// "/" (`pwd_rdir`).
    pub root: Node,
    /// The first root that chroot(2) or a jail gave it (`pwd_jdir`).
    pub jail: Option<Node>,
    /// The root that `cr_prison` names, which the second line knows.
    pub prison: Option<Node>,
}

impl Bounds {
    /// Whether ".." stays where it is.
    fn stops(&self, at: Node) -> bool {
        at == ROOT || at == self.root || Some(at) == self.jail || Some(at) == self.prison
    }
}

/// The tree.
#[derive(Debug)]
pub struct Names(Vec<Entry>);

impl Default for Names {
    fn default() -> Self {
        Self(vec![Entry { parent: ROOT, names: Some(BTreeMap::new()), owner: 0 }])
    }
}

impl Names {
    fn entry(&self, node: Node) -> &Entry {
        &self.0[node.0]
    }

    fn add(&mut self, directory: Node, name: &str, names: bool, owner: u32) -> Result<Node> {
        let node = Node(self.0.len());
        let parent = self.0[directory.0].names.as_mut().ok_or(Errno::ENOTDIR)?;
        if parent.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        parent.insert(name.to_owned(), node);
        self.0.push(Entry { parent: directory, names: names.then(BTreeMap::new), owner });
        Ok(node)
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// `EEXIST`, `ENOTDIR`.
    pub fn mkdir(&mut self, directory: Node, name: &str) -> Result<Node> {
        self.add(directory, name, true, 0)
    }

    /// Makes a file of `owner`.
    ///
    /// # Errors
    /// `EEXIST`, `ENOTDIR`.
    pub fn create(&mut self, directory: Node, name: &str, owner: u32) -> Result<Node> {
        self.add(directory, name, false, owner)
    }

    /// Gives a file another name.
    ///
    /// # Errors
    /// `EEXIST`, `ENOTDIR`.
    pub fn link(&mut self, directory: Node, name: &str, file: Node) -> Result {
        let names = self.0[directory.0].names.as_mut().ok_or(Errno::ENOTDIR)?;
        match names.entry(name.to_owned()) {
            btree_map::Entry::Occupied(_) => Err(Errno::EEXIST),
            btree_map::Entry::Vacant(place) => {
                place.insert(file);
                Ok(())
            }
        }
    }

    /// Removes a name. The node stays for who holds it.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`.
    pub fn unlink(&mut self, directory: Node, name: &str) -> Result {
        let names = self.0[directory.0].names.as_mut().ok_or(Errno::ENOTDIR)?;
        names.remove(name).map(drop).ok_or(Errno::ENOENT)
    }

    /// Moves a directory or a file.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EEXIST`; `EINVAL` for a directory into itself.
    pub fn rename(&mut self, from: Node, name: &str, to: Node, new: &str) -> Result {
        let names = self.entry(from).names.as_ref().ok_or(Errno::ENOTDIR)?;
        let node = *names.get(name).ok_or(Errno::ENOENT)?;
        if self.place(node, to) == Place::Beneath {
            return Err(Errno::EINVAL);
        }
        let target = self.0[to.0].names.as_mut().ok_or(Errno::ENOTDIR)?;
        if matches!(new, "" | "." | "..") || target.contains_key(new) {
            return Err(Errno::EEXIST);
        }
        target.insert(new.to_owned(), node);
        self.unlink(from, name)?;
        self.0[node.0].parent = to;
        Ok(())
    }

    /// A node and all those above it, up to the machine's root.
    pub fn upwards(&self, node: Node) -> impl Iterator<Item = Node> {
        core::iter::successors(Some(node), |at| (*at != ROOT).then(|| self.entry(*at).parent))
    }

    /// The path of a directory from the machine's root: `vn_fullpath_global`.
    #[must_use]
    pub fn path(&self, node: Node) -> String {
        let mut path = String::new();
        let mut at = node;
        while at != ROOT {
            let parent = self.entry(at).parent;
            let names = self.entry(parent).names.iter().flatten();
            let name = names.filter(|&(_, &node)| node == at).map(|(name, _)| name.as_str()).next();
            path = format!("/{}{path}", name.unwrap_or("(removed)"));
            at = parent;
        }
        if path.is_empty() { "/".to_owned() } else { path }
    }

    /// Whether a node is a directory.
    #[must_use]
    pub fn is_directory(&self, node: Node) -> bool {
        self.entry(node).names.is_some()
    }

    /// The owner of a node.
    #[must_use]
    pub fn owner(&self, node: Node) -> u32 {
        self.entry(node).owner
    }

    /// Follows `path` from `start`.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`.
    pub fn lookup(&self, bounds: &Bounds, start: Node, path: &str) -> Result<Node> {
        let mut at = if path.starts_with('/') { bounds.root } else { start };
        for name in path.split('/') {
            let entry = self.entry(at);
            at = match (name, &entry.names) {
                (_, None) => return Err(Errno::ENOTDIR),
                ("" | ".", _) => at,
                ("..", _) if bounds.stops(at) => at,
                ("..", _) => entry.parent,
                (name, Some(names)) => *names.get(name).ok_or(Errno::ENOENT)?,
            };
        }
        Ok(at)
    }

    /// Follows `path` from `start`, and never leaves what is beneath it:
    /// `FD_RESOLVE_BENEATH`.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ENOTCAPABLE`.
    pub fn lookup_beneath(&self, start: Node, path: &str) -> Result<Node> {
        let bounds = Bounds { root: ROOT, jail: None, prison: None };
        let mut at = start;
        for name in path.split('/') {
            if name == ".." && at == start || path.starts_with('/') {
                return Err(Errno::ENOTCAPABLE);
            }
            at = self.lookup(&bounds, at, if name.is_empty() { "." } else { name })?;
        }
        Ok(at)
    }

    /// The directory of the last name of `path`, and that name.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`.
    pub fn lookup_parent<'a>(
        &self,
        bounds: &Bounds,
        start: Node,
        path: &'a str,
    ) -> Result<(Node, &'a str)> {
        let (directory, name) = match path.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some((directory, name)) => (directory, name),
            None => (".", path),
        };
        Ok((self.lookup(bounds, start, directory)?, name))
    }

    /// Where `node` lies, seen from `root`. By the tree alone: no process, no
    /// bounds.
    #[must_use]
    pub fn place(&self, root: Node, node: Node) -> Place {
        let mut at = node;
        loop {
            if at == root {
                return Place::Beneath;
            }
            if at == ROOT {
                return Place::Outside;
            }
            at = self.entry(at).parent;
        }
    }
}
