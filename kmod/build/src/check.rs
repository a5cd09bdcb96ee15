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
];

/// Symbols private to a file of the kernel that the module uses. The kernel
/// linker finds those too (`debug.link_elf_leak_locals`), the first of a name:
/// so there must be one.
const PRIVATE: &[&str] = &["unp_vp_mtxpool"];

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
        bail!("it cannot be loaded:\n  {}", problems.join("\n  "));
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
        let named = || kernel.symbols().filter(|s| !s.is_undefined() && s.name() == Ok(name));
        if PRIVATE.contains(&name) && named().count() == 1 {
            continue;
        }
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

#[cfg(test)]
mod tests {
    use object::write::{Object, Relocation, StandardSection, Symbol, SymbolId, SymbolSection};
    use object::{
        Architecture, BinaryFormat, Endianness, RelocationFlags, SymbolFlags, SymbolKind,
        SymbolScope, elf,
    };

    use super::check;

    /// `ret`
    const CODE: &[u8] = &[0xc3];

    struct Module(Object<'static>, SymbolId);

    impl Module {
        /// A module with this code, which refers to one symbol of the kernel.
        fn new(code: &[u8], import: &str) -> Self {
            let mut object = object();
            let text = object.section_id(StandardSection::Text);
            let import = object.add_symbol(symbol(import, SymbolSection::Undefined));
            let code = object.append_section_data(text, code, 16);
            let hook = symbol("rjail_hook", SymbolSection::Section(text));
            object.add_symbol(Symbol { value: code, ..hook });
            Self(object, import)
        }

        fn relocated(mut self, r_type: u32) -> Self {
            let data = self.0.section_id(StandardSection::Data);
            let offset = self.0.append_section_data(data, &[0; 8], 8);
            let flags = RelocationFlags::Elf { r_type };
            let relocation = Relocation { offset, symbol: self.1, addend: 0, flags };
            self.0.add_relocation(data, relocation).expect("a place");
            self
        }

        fn with_symbol(mut self, name: &str) -> Self {
            let text = self.0.section_id(StandardSection::Text);
            self.0.add_symbol(symbol(name, SymbolSection::Section(text)));
            self
        }

        fn problems(&self) -> String {
            let module = self.0.write().expect("ELF");
            match check(&module, &kernel()) {
                Ok(report) => format!("none: {report}"),
                Err(error) => error.to_string(),
            }
        }
    }

    fn object() -> Object<'static> {
        Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little)
    }

    fn symbol(name: &str, section: SymbolSection) -> Symbol {
        Symbol {
            name: name.as_bytes().to_vec(),
            value: 0,
            size: 0,
            kind: SymbolKind::Text,
            scope: SymbolScope::Dynamic,
            weak: false,
            section,
            flags: SymbolFlags::None,
        }
    }

    /// A shared object that exports `malloc` alone, as a kernel exports.
    fn kernel() -> Vec<u8> {
        use object::write::elf::{Sym, Writer};
        let mut image = Vec::new();
        let mut writer = Writer::new(Endianness::Little, true, &mut image);
        writer.reserve_file_header();
        let name = writer.add_dynamic_string(b"malloc");
        writer.reserve_null_dynamic_symbol_index();
        writer.reserve_dynamic_symbol_index();
        writer.reserve_dynsym_section_index();
        writer.reserve_dynstr_section_index();
        writer.reserve_shstrtab_section_index();
        writer.reserve_dynsym();
        writer.reserve_dynstr();
        writer.reserve_shstrtab();
        writer.reserve_section_headers();
        writer
            .write_file_header(&object::write::elf::FileHeader {
                os_abi: elf::ELFOSABI_FREEBSD,
                abi_version: 0,
                e_type: elf::ET_DYN,
                e_machine: elf::EM_X86_64,
                e_entry: 0,
                e_flags: 0,
            })
            .expect("a header");
        writer.write_null_dynamic_symbol();
        writer.write_dynamic_symbol(&Sym {
            name: Some(name),
            section: None,
            st_info: elf::STB_GLOBAL << 4 | elf::STT_FUNC,
            st_other: 0,
            st_shndx: elf::SHN_ABS,
            st_value: 4096,
            st_size: 0,
        });
        writer.write_dynstr();
        writer.write_shstrtab();
        writer.write_null_section_header();
        writer.write_dynsym_section_header(0, 1);
        writer.write_dynstr_section_header(0);
        writer.write_shstrtab_section_header();
        image
    }

    #[test]
    fn a_good_module_passes() {
        let problems = Module::new(CODE, "malloc").relocated(elf::R_X86_64_64).problems();
        assert!(
            problems.starts_with("none: 1 bytes of text, 1 relocations, 1 kernel"),
            "{problems}"
        );
    }

    #[test]
    fn a_relocation_the_kernel_refuses_is_named() {
        let problems = Module::new(CODE, "malloc").relocated(elf::R_X86_64_GOTPCREL).problems();
        assert!(problems.contains("relocation type 9 at .data+0x0"), "{problems}");
    }

    #[test]
    fn a_symbol_the_kernel_lacks_is_named() {
        let problems = Module::new(CODE, "no_such_function").problems();
        assert!(problems.contains("no_such_function is not exported"), "{problems}");
    }

    #[test]
    fn a_deep_stack_frame_is_named_and_the_deepest_allowed_is_not() {
        // sub $0x808, %rsp; ret
        let deep = [0x48, 0x81, 0xec, 0x08, 0x08, 0, 0, 0xc3];
        let problems = Module::new(&deep, "malloc").problems();
        assert!(problems.contains("rjail_hook: a stack frame of 2056 bytes"), "{problems}");
        // sub $0x800, %rsp; ret
        let allowed = [0x48, 0x81, 0xec, 0x00, 0x08, 0, 0, 0xc3];
        let problems = Module::new(&allowed, "malloc").problems();
        assert!(problems.contains("deepest frame 2048 bytes (rjail_hook)"), "{problems}");
    }

    #[test]
    fn a_stack_frame_of_unknown_size_is_named() {
        // sub %rax, %rsp; ret
        let problems = Module::new(&[0x48, 0x29, 0xc4, 0xc3], "malloc").problems();
        assert!(problems.contains("rjail_hook: a stack frame of variable size"), "{problems}");
    }

    #[test]
    fn a_module_that_can_panic_is_refused() {
        let module = Module::new(CODE, "malloc").with_symbol("_RNv7___rustc17rust_begin_unwind");
        assert!(module.problems().contains("a panic is reachable"));
    }
}
