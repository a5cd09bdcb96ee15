// SPDX-License-Identifier: BSD-2-Clause
//! A server that jails itself: `nanojail FILE`. It reads its configuration outside,
//! starts its worker, enters a jail of its own, becomes an unprivileged user, and
//! serves one file of the jail's to whoever connects. `nanojail.c` is the same in C.
//!
//! The configuration, a word and its value a line:
//!
//! ```text
//! path /jails/motd
//! hostname motd.example.org
//! address 10.66.0.2
//! port 17
//! user 65534
//! file /etc/motd
//! ```

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use confine::{Jail, JailFlags, Refusal};
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

#[derive(Debug)]
struct Configuration {
    path: String,
    hostname: String,
    addresses: Vec<IpAddr>,
    port: u16,
    user: u32,
    file: String,
}

fn read(text: &str) -> Result<Configuration, Box<dyn Error>> {
    let mut read = Configuration {
        path: String::new(),
        hostname: String::new(),
        addresses: Vec::new(),
        port: 17,
        user: 65534,
        file: "/etc/motd".to_owned(),
    };
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (name, value) =
            line.trim().split_once(' ').ok_or_else(|| format!("{line}: no value"))?;
        match name {
            "path" => value.clone_into(&mut read.path),
            "hostname" => value.clone_into(&mut read.hostname),
            "address" => read.addresses.push(value.parse()?),
            "port" => read.port = value.parse()?,
            "user" => read.user = value.parse()?,
            "file" => value.clone_into(&mut read.file),
            _ => return Err(format!("{name}: no such setting").into()),
        }
    }
    Ok(read)
}

fn serve(file: &str, mut connection: TcpStream) -> std::io::Result<()> {
    // By its name in the jail: the machine's file of that name is out of reach.
    let text = fs::read(file).unwrap_or_else(|error| format!("{file}: {error}\n").into_bytes());
    connection.write_all(&text)
}

fn run(configuration: &str) -> Result<(), Box<dyn Error>> {
    let read = read(&fs::read_to_string(configuration)?)?;

    // A thread from before goes in as well.
    let (connections, queue) = mpsc::channel::<TcpStream>();
    let file = read.file.clone();
    let worker = thread::spawn(move || {
        for connection in queue {
            // Who went away gets nothing.
            let _ = serve(&file, connection);
        }
    });

    let mut jail = Jail::new(&read.path, &read.hostname)?.flags(JailFlags::PAPER);
    for address in read.addresses {
        jail = jail.address(address);
    }
    let jid = jail.enter()?;

    // Its port may be a low one, so root goes only now. "Any" is the jail's address.
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, read.port));
    let listener = TcpListener::bind(any)?;
    let group = Gid::from_raw(read.user);
    setgroups(&[group])?;
    setgid(group)?;
    setuid(Uid::from_raw(read.user))?;
    println!("in jail {jid}, listening on {}", listener.local_addr()?);
    for connection in listener.incoming() {
        connections.send(connection?)?;
    }
    drop(connections);
    worker.join().map_err(|_| "the worker is gone")?;
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [configuration] = arguments.as_slice() else {
        eprintln!("usage: nanojail FILE");
        return ExitCode::from(64);
    };
    match run(configuration) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nanojail: {error}");
            let refused = error.downcast_ref::<confine::Refused>();
            match refused.and_then(confine::Refused::refusal) {
                // Not allowed, as sysexits(3) has it; a mend for the one that is easy.
                Some(Refusal::OpenDirectory(descriptor)) => {
                    eprintln!("nanojail: start it without: {descriptor}<&-");
                    ExitCode::from(77)
                }
                Some(_) => ExitCode::from(77),
                None => ExitCode::from(71),
            }
        }
    }
}
