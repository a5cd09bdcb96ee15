// SPDX-License-Identifier: BSD-2-Clause
//! rjail(8).

use std::io;
use std::process::ExitCode;

use rjail_cli::command;
use rjail_cli::system::System;

fn main() -> ExitCode {
    let (out, err) = (&mut io::stdout(), &mut io::stderr());
    ExitCode::from(command::run(std::env::args_os(), &mut System::default(), out, err))
}
