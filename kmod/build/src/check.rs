// SPDX-License-Identifier: BSD-2-Clause
//! Holds the module against what the kernel linker takes and what the kernel
//! exports, before anybody loads it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Result, bail};
use iced_x86::{Decoder, DecoderOptions, Mnemonic, OpKind, Register};
use object::elf;
use object::{Object, ObjectSection, ObjectSymbol, RelocationFlags, SectionKind};

/// Largest stack frame, bytes: the kernel's stack is 16 KiB and hooks run deep.
const FRAME_MAX: u64 = 2048;

/// The amd64 kernel linker's list (elf_reloc_internal).
const RELOCATIONS: &[u32] = &[
    elf::R_X86_64_NONE,
    elf::R_X86_64_64,
    elf::R_X86_64_PC32,
    elf::R_X86_64_PLT32,
    elf::R_X86_64_32S,
    elf::R_X86_64_PC64,
];

/// The panic handler: unless something can panic, the linker drops it.
const PANIC_HANDLER: &str = "rust_begin_unwind";

/// What was found in a module that passed.
pub struct Report {
    relocations: usize,
    imports: usize,
    deepest: u64,
    deepest_in: String,
    text: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bytes of text, {} relocations, {} kernel symbols, deepest frame {} bytes ({})",
            self.text, self.relocations, self.imports, self.deepest, self.deepest_in
        )
    }
}

/// Checks relocations, imports, stack frames and the absence of panics.
pub fn check(module: &[u8], kernel: &[u8]) -> Result<Report> {
    let file = object::File::parse(module)?;
    let mut problems = Vec::new();
    let relocations = relocations(&file, &mut problems);
    let imports = imports(&file, kernel, &mut problems)?;
    let (deepest, deepest_in) = frames(&file, &mut problems)?;
    panics(&file, &mut problems);
    if !problems.is_empty() {
        bail!("rjail.ko cannot be loaded:\n  {}", problems.join("\n  "));
    }
    let text = file.sections().filter(|s| s.kind() == SectionKind::Text).map(|s| s.size()).sum();
    Ok(Report { relocations, imports, deepest, deepest_in, text })
}

fn relocations(file: &object::File<'_>, problems: &mut Vec<String>) -> usize {
    let mut count = 0;
    for section in file.sections() {
        // Debugging sections are not loaded; the linker never looks at them.
        if section.kind() == SectionKind::Debug
            || section.name().is_ok_and(|n| n.starts_with(".debug"))
        {
            continue;
        }
        for (offset, relocation) in section.relocations() {
            count += 1;
            let RelocationFlags::Elf { r_type } = relocation.flags() else { continue };
            if !RELOCATIONS.contains(&r_type) {
                let name = section.name().unwrap_or("?");
                problems.push(format!("relocation type {r_type} at {name}+{offset:#x}"));
            }
        }
    }
    count
}

fn imports(file: &object::File<'_>, kernel: &[u8], problems: &mut Vec<String>) -> Result<usize> {
    let kernel = object::File::parse(kernel)?;
    let exported: BTreeSet<&str> = kernel
        .dynamic_symbols()
        .filter(|s| !s.is_undefined())
        .filter_map(|s| s.name().ok())
        .collect();
    let mut count = 0;
    for symbol in file.symbols().filter(|s| s.is_undefined()) {
        let name = symbol.name()?;
        // The kernel linker itself makes the bounds of linker sets.
        if name.is_empty() || name.starts_with("__start_set_") || name.starts_with("__stop_set_") {
            continue;
        }
        count += 1;
        if !exported.contains(name) {
            problems.push(format!("{name} is not exported by this kernel"));
        }
    }
    Ok(count)
}

fn frames(file: &object::File<'_>, problems: &mut Vec<String>) -> Result<(u64, String)> {
    let mut functions: BTreeMap<(usize, u64), String> = BTreeMap::new();
    for symbol in file.symbols() {
        if let Some(section) = symbol.section_index()
            && symbol.kind() == object::SymbolKind::Text
        {
            functions.insert((section.0, symbol.address()), symbol.name()?.to_owned());
        }
    }
    let mut deepest = (0, String::from("none"));
    for section in file.sections().filter(|s| s.kind() == SectionKind::Text) {
        let data = section.data()?;
        let mut decoder = Decoder::with_ip(64, data, 0, DecoderOptions::NONE);
        while decoder.can_decode() {
            let at = decoder.position() as u64;
            let instruction = decoder.decode();
            if instruction.mnemonic() != Mnemonic::Sub
                || instruction.op0_register() != Register::RSP
            {
                continue;
            }
            let name = functions
                .range(..=(section.index().0, at))
                .next_back()
                .map_or("?", |(_, name)| name.as_str());
            let is_constant = matches!(
                instruction.op1_kind(),
                OpKind::Immediate8to64
                    | OpKind::Immediate32to64
                    | OpKind::Immediate8
                    | OpKind::Immediate32
            );
            if !is_constant {
                problems.push(format!("{name}: a stack frame of variable size"));
                continue;
            }
            let size = instruction.immediate(1);
            if size > FRAME_MAX {
                problems.push(format!("{name}: a stack frame of {size} bytes, over {FRAME_MAX}"));
            }
            if size > deepest.0 {
                deepest = (size, name.to_owned());
            }
        }
    }
    Ok(deepest)
}

fn panics(file: &object::File<'_>, problems: &mut Vec<String>) {
    for symbol in file.symbols() {
        if let Ok(name) = symbol.name()
            && name.contains(PANIC_HANDLER)
        {
            problems.push("a panic is reachable: see who calls core::panicking".into());
        }
    }
}
