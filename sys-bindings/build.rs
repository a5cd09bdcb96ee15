// SPDX-License-Identifier: BSD-2-Clause
//! Runs bindgen over the kernel's headers, from an allowlist.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bindgen::callbacks::{IntKind, ParseCallbacks};

/// Structures whose fields rjail reads or fills in.
const TYPES: &[&str] = &[
    "accmode_t",
    "acl",
    "acl_type_t",
    "cdev",
    "cdevsw",
    "domain",
    "epoch_context",
    "filedesc",
    "gid_t",
    "in6_addr",
    "in_addr",
    "in_endpoints",
    "inpcb",
    "idtype",
    "ksem",
    "label",
    "mode_t",
    "msqid_kernel",
    "pr_family_t",
    "prison",
    "prison_state",
    "proc",
    "protosw",
    "pwddesc",
    "rjail_args",
    "rjail_attach",
    "rjail_info",
    "rjail_kill",
    "rjail_privilege",
    "rjail_why",
    "semid_kernel",
    "shmfd",
    "shmid_kernel",
    "sockaddr",
    "sockaddr_in",
    "sockaddr_in6",
    "socket",
    "sx",
    "sysentvec",
    "thread",
    "timespec",
    "ucred",
    "uid_t",
    "vnode",
];

/// Kernel functions that rjail calls as they are.
const FUNCTIONS: &[&str] = &[
    "change_dir",
    "copyin",
    "copyinstr",
    "copyout",
    "cpuset_rel",
    "cpuset_setproc_update_set",
    "crcopy",
    "crcopysafe",
    "crfree",
    "crget",
    "crhold",
    "dev_relthread",
    "devvn_refthread",
    "getcredhostname",
    "kern_psignal",
    "mac_vnode_check_chroot",
    "osd_exit",
    "priv_check",
    "prison_allow",
    "prison_check_ip4",
    "prison_check_ip6",
    "prison_flag",
    "prison_free",
    "prison_get_ip4",
    "prison_get_ip6",
    "prison_hold",
    "prison_ischild",
    "prison_proc_free",
    "prison_proc_hold",
    "proc_set_cred",
    "pwd_chroot_chdir",
    "setsugid",
    "sobind",
    "vrele",
    "rjail_c_.*",
];

/// Constants and variables.
const VARS: &[&str] = &[
    "AF_.*",
    "AT_EMPTY_PATH",
    "FREEBSD32_SYS_.*",
    "F_SETOWN",
    "IN6P_IPV6_V6ONLY",
    "INP_IPV4",
    "INP_IPV6",
    "JAIL_SYS_.*",
    "LK_EXCLUSIVE",
    "MAC_MAX_SLOTS",
    "MAXHOSTNAMELEN",
    "MAXPATHLEN",
    "OSD_JAIL",
    "O_EMPTY_PATH",
    "PR_ALLOW_.*",
    "PR_HOST",
    "PR_IP4.*",
    "PR_IP6.*",
    "PRIV_JAIL_REMOVE",
    "PRIV_JAIL_SET",
    "PROC_PDEATHSIG_.*",
    "PROC_REAP_.*",
    "PT_SC_REMOTE",
    "RJAIL_.*",
    "SOCK_.*",
    "SV_ABI_FREEBSD",
    "SV_ABI_MASK",
    "SYS_.*",
    "VWRITE",
    "__FreeBSD_version",
    "osreldate",
    "prison0",
    "rjail_ioctl_.*",
    "rjail_slot",
];

/// Collects the privileges while bindgen walks the macros.
#[derive(Debug, Default)]
struct Privileges(Arc<Mutex<Vec<(i64, String)>>>);

impl ParseCallbacks for Privileges {
    fn int_macro(&self, name: &str, value: i64) -> Option<IntKind> {
        if name.starts_with("PRIV_") {
            self.0.lock().expect("one thread").push((value, name.to_owned()));
        }
        None
    }
}

fn main() {
    println!("cargo::rerun-if-changed=wrapper.h");
    println!("cargo::rerun-if-changed=../kmod/crowd.h");
    println!("cargo::rerun-if-changed=../kmod/helpers.h");
    println!("cargo::rerun-if-changed=../kmod/rjail.h");
    println!("cargo::rerun-if-changed=../kmod/root.h");
    println!("cargo::rerun-if-env-changed=RJAIL_KERNEL_CFLAGS");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let Ok(cflags) = env::var("RJAIL_KERNEL_CFLAGS") else {
        panic!("sys-bindings needs a kernel's headers: build it with `make kmod`");
    };

    let privileges = Privileges::default();
    let found = Arc::clone(&privileges.0);
    let mut builder = bindgen::Builder::default()
        .header("wrapper.h")
        .parse_callbacks(Box::new(privileges))
        .clang_args(cflags.split('\x1f'))
        .use_core() // no std in a kernel
        .ctypes_prefix("core::ffi") // its C types are core's
        .default_enum_style(bindgen::EnumVariation::Consts) // C enums hold any int
        .default_macro_constant_type(bindgen::MacroTypeVariation::Signed) // C's int
        .prepend_enum_name(false) // C's names stay as they are
        .derive_debug(false) // nobody prints a kernel structure
        .derive_copy(true) // addresses are values
        .layout_tests(true) // size and offset as C has them
        .generate_comments(false) // the headers' text is not ours
        .merge_extern_blocks(true) // one block to read
        .rust_target(bindgen::RustTarget::stable(85, 0).unwrap_or_else(|_| unreachable!()))
        .rust_edition(bindgen::RustEdition::Edition2024);
    for name in TYPES {
        builder = builder.allowlist_type(name);
    }
    for name in FUNCTIONS {
        builder = builder.allowlist_function(name);
    }
    for name in VARS {
        builder = builder.allowlist_var(name);
    }
    let bindings = builder.generate().expect("bindgen reads the kernel's headers");
    bindings.write_to_file(out.join("bindings.rs")).expect("writing bindings.rs");

    let mut privileges = found.lock().expect("one thread").clone();
    // Bounds of the space, not privileges.
    privileges.retain(|(_, name)| !name.starts_with("PRIV_MAXPRIV") && !name.starts_with("_PRIV"));
    privileges.sort();
    let rows: String =
        privileges.iter().map(|(n, name)| format!("    ({n}, {name:?}),\n")).collect();
    fs::write(out.join("privileges.rs"), format!("&[\n{rows}]\n")).expect("writing privileges.rs");
}
