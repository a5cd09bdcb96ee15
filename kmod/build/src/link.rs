// SPDX-License-Identifier: BSD-2-Clause
//! Links a module: the shim and one Rust object, or C alone; nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use object::LittleEndian;
use object::elf;
use object::read::archive::ArchiveFile;
use object::read::elf::{ElfFile64, FileHeader, Rela, SectionHeader};

use crate::sysroot;

/// The LLD that the Rust toolchain carries.
pub fn toolchain_linker() -> Result<PathBuf> {
    let libraries = sysroot::toolchain()?.join("lib/rustlib");
    let linker = libraries.join(env!("HOST_TRIPLE")).join("bin/gcc-ld/ld.lld");
    if linker.exists() { Ok(linker) } else { Ok("ld.lld".into()) }
}

/// Takes `archive`'s own object out of it.
pub fn rust_object(archive: &Path, out: &Path) -> Result<PathBuf> {
    let object = out.join("rjail.o");
    fs::write(&object, own_object(&fs::read(archive)?)?)?;
    Ok(object)
}

/// Links the objects into a relocatable module.
pub fn link(linker: &Path, objects: &[PathBuf], module: &Path) -> Result<()> {
    let status = Command::new(linker)
        .args(["-r", "-m", "elf_x86_64_fbsd", "--build-id=none", "--gc-sections"])
        .args(["-e", "0"])
        .arg("-T")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("module.ld"))
        .arg("-o")
        .arg(module)
        .args(objects)
        .status()
        .with_context(|| format!("running {}", linker.display()))?;
    if !status.success() {
        bail!("the linker refused");
    }
    let mut image = fs::read(module)?;
    relax_got(&mut image)?;
    fs::write(module, image)?;
    Ok(())
}

/// The object that LTO made of the crate and all it uses.
///
/// The archive also holds the compiler's own runtime, whose memcpy would win
/// over the kernel's: leave it.
fn own_object(archive: &[u8]) -> Result<Vec<u8>> {
    let file = ArchiveFile::parse(archive)?;
    let mut found = None;
    for member in file.members() {
        let member = member?;
        let name = String::from_utf8_lossy(member.name());
        if name.starts_with("rjail") && name.ends_with(".o") {
            if found.is_some() {
                bail!("more than one Rust object: LTO did not run");
            }
            found = Some(member.data(archive)?.to_vec());
        }
    }
    found.context("no Rust object in the archive")
}

/// Relocations that load an address from the global offset table.
const GOT_LOADS: &[u32] =
    &[elf::R_X86_64_GOTPCREL, elf::R_X86_64_GOTPCRELX, elf::R_X86_64_REX_GOTPCRELX];

/// Turns loads of an address from the global offset table into the address.
///
/// The prebuilt `core` brings along that memcpy and its like are called through
/// a table, which the kernel linker does not make. The psABI (x86-64, "Optimize
/// GOTPCRELX Relocations") says how a linker rewrites such an instruction when
/// it knows that the symbol is near, as everything in a kernel is; this does so
/// for the forms the compiler emits, and refuses any other.
fn relax_got(image: &mut [u8]) -> Result<()> {
    let mut patches: Vec<(usize, Vec<u8>)> = Vec::new();
    {
        let file = ElfFile64::<LittleEndian, _>::parse(&*image)?;
        let endian = LittleEndian;
        let header = file.elf_header();
        let sections = header.sections(endian, &*image)?;
        for section in sections.iter() {
            let Some((relas, _)) = section.rela(endian, &*image)? else { continue };
            let target =
                sections.section(object::SectionIndex(section.sh_info(endian) as usize))?;
            let base = usize::try_from(target.sh_offset(endian))?;
            let rela_base = usize::try_from(section.sh_offset(endian))?;
            for (index, rela) in relas.iter().enumerate() {
                let kind = rela.r_type(endian, false);
                if !GOT_LOADS.contains(&kind) {
                    continue;
                }
                let at = base + usize::try_from(rela.r_offset(endian))?;
                let entry = rela_base + index * 24 + 8;
                let symbol = rela.r_sym(endian, false);
                let info =
                    |kind: u32| (u64::from(symbol) << 32 | u64::from(kind)).to_le_bytes().to_vec();
                match (image[at - 2], image[at - 1]) {
                    // call *sym@GOTPCREL(%rip) -> addr32 call sym
                    (0xff, 0x15) => {
                        patches.push((at - 2, vec![0x67, 0xe8]));
                        patches.push((entry, info(elf::R_X86_64_PLT32)));
                    }
                    // jmp *sym@GOTPCREL(%rip) -> jmp sym; nop
                    (0xff, 0x25) => {
                        patches.push((at - 2, vec![0xe9, 0, 0, 0, 0, 0x90]));
                        patches
                            .push((entry - 8, (rela.r_offset(endian) - 1).to_le_bytes().to_vec()));
                        patches.push((entry, info(elf::R_X86_64_PLT32)));
                    }
                    // mov sym@GOTPCREL(%rip), %reg -> lea sym(%rip), %reg
                    (0x8b, modrm) if modrm & 0xc7 == 0x05 => {
                        patches.push((at - 2, vec![0x8d]));
                        patches.push((entry, info(elf::R_X86_64_PC32)));
                    }
                    (a, b) => bail!("a GOT load in an instruction not known: {a:02x} {b:02x}"),
                }
            }
        }
    }
    for (at, bytes) in patches {
        image[at..at + bytes.len()].copy_from_slice(&bytes);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use object::write::{Object, Relocation, StandardSection, Symbol, SymbolSection};
    use object::{
        Architecture, BinaryFormat, Endianness, Object as _, ObjectSection as _, RelocationFlags,
        SymbolFlags, SymbolKind, SymbolScope, elf,
    };

    use super::relax_got;

    /// What becomes of code whose bytes from `at` on are a GOT displacement: the
    /// code, and the relocation's type and place.
    fn relaxed(code: &[u8], at: u64, r_type: u32) -> Result<(Vec<u8>, u32, u64), String> {
        let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
        let text = object.section_id(StandardSection::Text);
        object.append_section_data(text, code, 16);
        let symbol = object.add_symbol(Symbol {
            name: b"memcpy".to_vec(),
            value: 0,
            size: 0,
            kind: SymbolKind::Text,
            scope: SymbolScope::Dynamic,
            weak: false,
            section: SymbolSection::Undefined,
            flags: SymbolFlags::None,
        });
        let flags = RelocationFlags::Elf { r_type };
        let relocation = Relocation { offset: at, symbol, addend: -4, flags };
        object.add_relocation(text, relocation).expect("a place");
        let mut image = object.write().expect("ELF");
        relax_got(&mut image).map_err(|error| error.to_string())?;
        let file = object::File::parse(&*image).expect("still ELF");
        let text = file.section_by_name(".text").expect(".text");
        let (offset, relocation) = text.relocations().next().expect("still there");
        let RelocationFlags::Elf { r_type } = relocation.flags() else { unreachable!("ELF") };
        Ok((text.data().expect("bytes").to_vec(), r_type, offset))
    }

    #[test]
    fn an_indirect_call_becomes_a_direct_one() {
        let code = [0xff, 0x15, 0, 0, 0, 0, 0xc3];
        let wanted = (vec![0x67, 0xe8, 0, 0, 0, 0, 0xc3], elf::R_X86_64_PLT32, 2);
        assert_eq!(relaxed(&code, 2, elf::R_X86_64_GOTPCREL), Ok(wanted.clone()));
        assert_eq!(relaxed(&code, 2, elf::R_X86_64_GOTPCRELX), Ok(wanted));
    }

    #[test]
    fn an_indirect_jump_becomes_a_direct_one() {
        let code = [0xff, 0x25, 0, 0, 0, 0];
        let wanted = (vec![0xe9, 0, 0, 0, 0, 0x90], elf::R_X86_64_PLT32, 1);
        assert_eq!(relaxed(&code, 2, elf::R_X86_64_GOTPCRELX), Ok(wanted));
    }

    #[test]
    fn a_load_becomes_an_address() {
        // mov memcpy@GOTPCREL(%rip), %rax -> lea memcpy(%rip), %rax
        let code = [0x48, 0x8b, 0x05, 0, 0, 0, 0];
        let wanted = (vec![0x48, 0x8d, 0x05, 0, 0, 0, 0], elf::R_X86_64_PC32, 3);
        assert_eq!(relaxed(&code, 3, elf::R_X86_64_REX_GOTPCRELX), Ok(wanted));
    }

    #[test]
    fn another_instruction_is_refused_and_a_plain_relocation_left_alone() {
        // cmp memcpy@GOTPCREL(%rip), %rax
        let code = [0x48, 0x3b, 0x05, 0, 0, 0, 0];
        let refused = relaxed(&code, 3, elf::R_X86_64_REX_GOTPCRELX);
        assert_eq!(refused, Err("a GOT load in an instruction not known: 3b 05".into()));
        let call = [0xe8, 0, 0, 0, 0];
        let wanted = (call.to_vec(), elf::R_X86_64_PLT32, 1);
        assert_eq!(relaxed(&call, 1, elf::R_X86_64_PLT32), Ok(wanted));
    }
}
