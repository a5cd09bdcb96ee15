// SPDX-License-Identifier: BSD-2-Clause
//! Follows each MAC hook the way a caller outside any jail goes, and counts.
//!
//! Outside, a credential's label pointer is null (made before the module), or the
//! module's slot in its label is zero. Both ways are followed. Where the path
//! depends on anything else, the longer branch counts, but for [`EVERYBODYS`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use iced_x86::{
    ConditionCode, Decoder, DecoderOptions, FlowControl, Formatter as _, Instruction,
    InstructionInfoFactory, IntelFormatter, Mnemonic, OpKind, Register,
};
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget, SymbolSection};

/// Most instructions before the return.
const MOST: usize = 12;

/// Hooks that may concern a jail though the caller is outside: it connects to a
/// name that may be a jail's socket, or moves a directory that may be in a jail.
/// Of them counts the way of a caller whose file is no socket, or who moves when
/// there is no jail.
const EVERYBODYS: &[&str] =
    &["rjail_vnode_check_open", "rjail_vnode_check_rename_from", "rjail_vnode_check_rename_to"];

/// Where a path is given up: outside, no hook has a loop.
const FAR: usize = 64;

/// The policies: their relocations name the hooks.
const POLICIES: [&str; 2] = ["rjail_policy_ops", "rjail_lookup_policy_ops"];

/// No hook: called once, with the lists of policies locked, when one is registered.
const START: &str = "rjail_policy_init";

/// Hooks whose arguments are labels; every other one asks about a credential,
/// its first argument.
const LABEL_HOOKS: &[&str] = &["_init_label", "_copy_label", "_destroy_label"];

/// A hook, and the way that an outsider takes through it.
pub struct Hook {
    name: String,
    listing: String,
    /// Instructions before the return, or why nobody can say.
    count: Result<usize, String>,
}

/// Every hook of the module once, in the policies' order.
pub fn hooks(module: &[u8]) -> Result<Vec<Hook>> {
    let file = object::File::parse(module)?;
    let mut found: Vec<Hook> = Vec::new();
    for name in POLICIES {
        let policy = file.symbols().find(|s| s.name() == Ok(name));
        let policy = policy.with_context(|| format!("the module has no {name}"))?;
        let SymbolSection::Section(section) = policy.section() else { bail!("{name} is nowhere") };
        let place = policy.address()..policy.address() + policy.size();
        let mut empty = true;
        for (offset, relocation) in file.section_by_index(section)?.relocations() {
            let RelocationTarget::Symbol(symbol) = relocation.target() else { continue };
            let symbol = file.symbol_by_index(symbol)?;
            if place.contains(&offset) && symbol.name() != Ok(START) {
                empty = false;
                let hook = hook(&file, &symbol)?;
                if !found.iter().any(|other| other.name == hook.name) {
                    found.push(hook);
                }
            }
        }
        if empty {
            bail!("{name} names no hook");
        }
    }
    Ok(found)
}

/// What is wrong, if anything: a hook that costs an outsider too much.
pub fn problems(hooks: &[Hook]) -> Vec<String> {
    let mut problems = Vec::new();
    for hook in hooks {
        match &hook.count {
            Ok(count) if *count > MOST => problems.push(format!(
                "{}: outside a jail it executes {count} instructions, over {MOST}",
                hook.name
            )),
            Ok(_) => {}
            Err(why) => problems.push(format!("{}: outside a jail {why}", hook.name)),
        }
    }
    problems
}

/// The longest of them, in words.
pub fn summary(hooks: &[Hook]) -> String {
    let longest = hooks.iter().max_by_key(|hook| hook.count.as_ref().copied().unwrap_or(FAR));
    longest.map_or_else(String::new, |hook| {
        let count = hook.count.as_ref().map_or("?".to_owned(), ToString::to_string);
        format!(
            "{} hooks, outside a jail at most {count} instructions ({})",
            hooks.len(),
            hook.name
        )
    })
}

/// The code of every hook; what an outsider executes is marked.
pub fn listing(hooks: &[Hook]) -> String {
    let mut text = String::new();
    for hook in hooks {
        let count = match &hook.count {
            Ok(count) => format!("{count} instructions outside a jail"),
            Err(why) => format!("outside a jail {why}"),
        };
        let _ = writeln!(text, "{}: {count}\n{}", hook.name, hook.listing);
    }
    text
}

fn hook(file: &object::File<'_>, symbol: &object::Symbol<'_, '_>) -> Result<Hook> {
    let name = symbol.name()?.to_owned();
    let SymbolSection::Section(section) = symbol.section() else { bail!("{name} is nowhere") };
    let section = file.section_by_index(section)?;
    let mut targets = BTreeMap::new();
    for (offset, relocation) in section.relocations() {
        let RelocationTarget::Symbol(target) = relocation.target() else { continue };
        targets.insert(offset, file.symbol_by_index(target)?.name()?.to_owned());
    }
    let code = Code { bytes: section.data()?, begin: section.address(), targets };
    let first = if LABEL_HOOKS.iter().any(|end| name.ends_with(end)) {
        [[Value::Known(0); 2], [Value::Label; 2]]
    } else {
        [
            [Value::Credential { label: false }, Value::Unknown],
            [Value::Credential { label: true }, Value::Unknown],
        ]
    };
    let of_two = if EVERYBODYS.contains(&name.as_str()) { shorter } else { longer };
    let mut longest = Ok(Vec::new());
    for arguments in first {
        let path = code.follow(State::begin(arguments), symbol.address(), Vec::new(), of_two);
        longest = longer(longest, path);
    }
    let marked: BTreeSet<u64> = longest.iter().flatten().copied().collect();
    let listing = code.listing(symbol.address(), symbol.size(), &marked);
    // The return itself is not counted.
    Ok(Hook { name, listing, count: longest.map(|path| path.len().saturating_sub(1)) })
}

/// Addresses in the order of execution, the return's last.
type Path = Result<Vec<u64>, String>;

fn longer(a: Path, b: Path) -> Path {
    let (a, b) = (a?, b?);
    Ok(if b.len() > a.len() { b } else { a })
}

fn shorter(a: Path, b: Path) -> Path {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok(if b.len() < a.len() { b } else { a }),
        (Ok(path), Err(_)) | (Err(_), Ok(path)) => Ok(path),
        (Err(why), Err(_)) => Err(why),
    }
}

struct Code<'a> {
    bytes: &'a [u8],
    begin: u64,
    /// What a place in the code refers to.
    targets: BTreeMap<u64, String>,
}

impl Code<'_> {
    fn at(&self, address: u64) -> Option<Instruction> {
        self.at_as(address, address)
    }

    /// The same, as if it were at another address.
    fn at_as(&self, address: u64, ip: u64) -> Option<Instruction> {
        let offset = usize::try_from(address.checked_sub(self.begin)?).ok()?;
        let bytes = self.bytes.get(offset..)?;
        let mut decoder = Decoder::with_ip(64, bytes, ip, DecoderOptions::NONE);
        decoder.can_decode().then(|| decoder.decode()).filter(|i| !i.is_invalid())
    }

    /// What an instruction refers to outside the function.
    fn target(&self, instruction: &Instruction) -> Option<&String> {
        self.targets.range(instruction.ip()..instruction.next_ip()).next().map(|(_, name)| name)
    }

    fn follow(
        &self,
        mut state: State,
        mut address: u64,
        mut path: Vec<u64>,
        of_two: fn(Path, Path) -> Path,
    ) -> Path {
        loop {
            let instruction = self.at(address).ok_or("it leaves the code")?;
            path.push(address);
            if path.len() > FAR {
                return Err(format!("it executes more than {FAR} instructions"));
            }
            address = instruction.next_ip();
            match instruction.flow_control() {
                FlowControl::Return => return Ok(path),
                FlowControl::Next => state.execute(&instruction),
                FlowControl::UnconditionalBranch if self.target(&instruction).is_none() => {
                    address = instruction.near_branch_target();
                }
                FlowControl::ConditionalBranch => {
                    let there = instruction.near_branch_target();
                    match state.holds(instruction.condition_code()) {
                        Some(true) => address = there,
                        Some(false) => {}
                        None => {
                            let here = self.follow(state.clone(), address, path.clone(), of_two);
                            return of_two(here, self.follow(state, there, path, of_two));
                        }
                    }
                }
                _ => {
                    let unknown = String::from("something");
                    let target = self.target(&instruction).unwrap_or(&unknown);
                    return Err(format!("it goes on to {target} at {:#x}", instruction.ip()));
                }
            }
        }
    }

    fn listing(&self, begin: u64, size: u64, marked: &BTreeSet<u64>) -> String {
        let mut text = String::new();
        let mut formatter = IntelFormatter::new();
        formatter.options_mut().set_space_after_operand_separator(true);
        formatter.options_mut().set_branch_leading_zeros(false);
        let mut offset = 0;
        while offset < size
            && let Some(instruction) = self.at_as(begin + offset, offset)
        {
            let mut words = String::new();
            formatter.format(&instruction, &mut words);
            let mark = if marked.contains(&(begin + offset)) { '>' } else { ' ' };
            let next = begin + instruction.next_ip();
            let target = self.targets.range(begin + offset..next).next();
            let target = target.map_or(String::new(), |(_, name)| format!("  ; {name}"));
            let _ = writeln!(text, "  {mark} {offset:4x}  {words}{target}");
            offset = instruction.next_ip();
        }
        text
    }
}

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Unknown,
    Known(u64),
    NotZero,
    /// A pointer to an outsider's credential, with a label or without.
    Credential {
        label: bool,
    },
    /// A pointer to its label.
    Label,
}

impl Value {
    fn is_zero(self) -> Option<bool> {
        match self {
            Self::Unknown => None,
            Self::Known(value) => Some(value == 0),
            Self::NotZero | Self::Credential { .. } | Self::Label => Some(false),
        }
    }
}

/// The registers, with how many bytes of each are known, and the zero flag.
#[derive(Clone, Debug)]
struct State {
    registers: BTreeMap<Register, (Value, usize)>,
    zero: Option<bool>,
}

impl State {
    fn begin([first, second]: [Value; 2]) -> Self {
        let registers = [(Register::RDI, (first, 8)), (Register::RSI, (second, 8))];
        Self { registers: registers.into(), zero: None }
    }

    fn get(&self, register: Register) -> Value {
        match self.registers.get(&register.full_register()) {
            // Half of a pointer is no pointer.
            Some((Value::Known(value), known)) if *known >= register.size() => {
                let unused = 64 - 8 * register.size().min(8);
                Value::Known(value << unused >> unused)
            }
            Some((value, known)) if *known == register.size() => *value,
            _ => Value::Unknown,
        }
    }

    fn set(&mut self, register: Register, value: Value) {
        // Writing four bytes clears the rest; writing fewer leaves it.
        let known = if register.size() == 4 { 8 } else { register.size() };
        let value = if register.size() == 4 && !matches!(value, Value::Known(_)) {
            Value::Unknown
        } else {
            value
        };
        self.registers.insert(register.full_register(), (value, known));
    }

    fn operand(&self, instruction: &Instruction, number: u32) -> Value {
        match instruction.op_kind(number) {
            OpKind::Register => self.get(instruction.op_register(number)),
            OpKind::Memory => {
                match self.get(instruction.memory_base()) {
                    // The only pointer of a credential that a hook follows outside.
                    Value::Credential { label } if instruction.memory_size().size() == 8 => {
                        if label { Value::Label } else { Value::Known(0) }
                    }
                    // The module's slot.
                    Value::Label if instruction.memory_size().size() == 8 => Value::Known(0),
                    _ => Value::Unknown,
                }
            }
            _ => instruction.try_immediate(number).map_or(Value::Unknown, Value::Known),
        }
    }

    fn execute(&mut self, instruction: &Instruction) {
        let one = || self.operand(instruction, 0);
        let two = || self.operand(instruction, 1);
        let same = || {
            let [a, b] = [0, 1].map(|number| instruction.op_register(number));
            a != Register::None && a == b
        };
        // The result, if it goes to the first operand; the zero flag, if it is set.
        let mut result = Value::Unknown;
        let mut zero = None;
        let mut sets_zero = instruction.rflags_modified() & iced_x86::RflagsBits::ZF != 0;
        match instruction.mnemonic() {
            Mnemonic::Mov | Mnemonic::Movzx => result = two(),
            Mnemonic::Movsxd if two() == Value::Known(0) => result = Value::Known(0),
            Mnemonic::Xor if same() => (result, zero) = (Value::Known(0), Some(true)),
            Mnemonic::Or if [one().is_zero(), two().is_zero()].contains(&Some(false)) => {
                (result, zero) = (Value::NotZero, Some(false));
            }
            Mnemonic::Test if same() => zero = one().is_zero(),
            Mnemonic::Cmp => match (one(), two()) {
                (Value::Known(a), Value::Known(b)) => zero = Some(a == b),
                (value, Value::Known(0)) => zero = value.is_zero(),
                _ => {}
            },
            Mnemonic::Sete | Mnemonic::Setne => {
                if let Some(holds) = self.holds(instruction.condition_code()) {
                    result = Value::Known(u64::from(holds));
                }
            }
            // These leave the first operand as it is.
            Mnemonic::Nop | Mnemonic::Push => sets_zero = false,
            _ => {}
        }
        let mut factory = InstructionInfoFactory::new();
        let written: Vec<Register> = factory
            .info(instruction)
            .used_registers()
            .iter()
            .filter(|used| {
                use iced_x86::OpAccess::{CondWrite, ReadCondWrite, ReadWrite, Write};
                matches!(used.access(), Write | CondWrite | ReadWrite | ReadCondWrite)
            })
            .map(iced_x86::UsedRegister::register)
            .collect();
        let is_first = |register: Register| {
            instruction.op0_kind() == OpKind::Register
                && instruction.op0_register().full_register() == register.full_register()
        };
        for register in written {
            if is_first(register) {
                self.set(instruction.op0_register(), result);
            } else {
                self.set(register.full_register(), Value::Unknown);
            }
        }
        if sets_zero {
            self.zero = zero;
        }
    }

    fn holds(&self, condition: ConditionCode) -> Option<bool> {
        match condition {
            ConditionCode::e => self.zero,
            ConditionCode::ne => self.zero.map(|zero| !zero),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use object::write::{Object, Relocation, StandardSection, Symbol, SymbolSection};
    use object::{
        Architecture, BinaryFormat, Endianness, RelocationFlags, SymbolFlags, SymbolKind,
        SymbolScope, elf,
    };

    use super::*;

    const RETURN: u8 = 0xc3;
    const NOP: u8 = 0x90;
    /// `mov rax, [rdi+0xb0]`
    const LABEL: [u8; 7] = [0x48, 0x8b, 0x87, 0xb0, 0, 0, 0];
    /// `test rax, rax`
    const TEST: [u8; 3] = [0x48, 0x85, 0xc0];
    /// `mov rax, [rax+rcx*8+8]`
    const SLOT: [u8; 5] = [0x48, 0x8b, 0x44, 0xc8, 0x08];

    /// `je` over so many bytes.
    fn je(over: u8) -> [u8; 2] {
        [0x74, over]
    }

    /// A module whose policy has one hook; a call in its code goes to the kernel.
    fn module(name: &str, code: &[u8]) -> Vec<u8> {
        let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
        let symbol = |name: &str, section, value, size| Symbol {
            name: name.as_bytes().to_vec(),
            value,
            size,
            kind: SymbolKind::Text,
            scope: SymbolScope::Dynamic,
            weak: false,
            section,
            flags: SymbolFlags::None,
        };
        let text = object.section_id(StandardSection::Text);
        let data = object.section_id(StandardSection::Data);
        let at = object.append_section_data(text, code, 16);
        let size = code.len() as u64;
        let hook = object.add_symbol(symbol(name, SymbolSection::Section(text), at, size));
        let kernel = object.add_symbol(symbol("malloc", SymbolSection::Undefined, 0, 0));
        let places = POLICIES.map(|policy| {
            let at = object.append_section_data(data, &[0; 16], 8);
            object.add_symbol(symbol(policy, SymbolSection::Section(data), at, 16));
            at
        });
        let mut refer = |section, offset, symbol, addend, r_type| {
            let flags = RelocationFlags::Elf { r_type };
            let relocation = Relocation { offset, symbol, addend, flags };
            object.add_relocation(section, relocation).expect("a place");
        };
        for at in places {
            refer(data, at + 8, hook, 0, elf::R_X86_64_64);
        }
        if let Some(call) = code.iter().position(|byte| *byte == 0xe8) {
            refer(text, call as u64 + 1, kernel, -4, elf::R_X86_64_PLT32);
        }
        object.write().expect("ELF")
    }

    fn count(name: &str, code: &[&[u8]]) -> Result<usize, String> {
        let hooks = hooks(&module(name, &code.concat())).expect("a policy");
        assert_eq!((hooks.len(), hooks[0].name.as_str()), (1, name));
        hooks.into_iter().next().expect("one").count
    }

    /// What the only hook, with so many instructions on its way, is blamed for.
    fn blamed(name: &str, instructions: usize) -> Vec<String> {
        let code = [vec![NOP; instructions], vec![RETURN]].concat();
        problems(&hooks(&module(name, &code)).expect("a policy"))
    }

    #[test]
    fn an_outsider_with_a_label_goes_further_than_one_without() {
        let call: &[u8] = &[0xe8, 0, 0, 0, 0];
        let code = [&LABEL[..], &TEST, &je(15), &SLOT, &TEST, &je(5), call, &[RETURN]];
        // The call is for who is in a jail; the empty slot jumps over it.
        assert_eq!(count("rjail_priv_check", &code), Ok(6));
    }

    #[test]
    fn a_label_itself_is_an_argument_too() {
        // test rdi, rdi; je; mov rax, [rdi+rcx*8+8]; test; je; nop
        let code: [&[u8]; 7] = [
            &[0x48, 0x85, 0xff],
            &je(11),
            &[0x48, 0x8b, 0x44, 0xcf, 0x08],
            &TEST,
            &je(1),
            &[NOP],
            &[RETURN],
        ];
        assert_eq!(count("rjail_cred_destroy_label", &code), Ok(5));
    }

    #[test]
    fn of_two_ways_the_longer_counts() {
        // test rsi, rsi
        let code: [&[u8]; 4] = [&[0x48, 0x85, 0xf6], &je(3), &[NOP; 3], &[RETURN]];
        assert_eq!(count("rjail_proc_check_wait", &code), Ok(5));
    }

    #[test]
    fn flags_from_a_set_byte_are_followed() {
        // The slot is tested together with something that nobody knows:
        // test rax, rax; sete al; test rsi, rsi; sete cl; or al, cl; jne
        let both: [&[u8]; 6] = [
            &TEST,
            &[0x0f, 0x94, 0xc0],
            &[0x48, 0x85, 0xf6],
            &[0x0f, 0x94, 0xc1],
            &[0x08, 0xc8],
            &[0x75, 20],
        ];
        let both = both.concat();
        let code: [&[u8]; 7] = [&LABEL, &TEST, &je(41), &SLOT, &both, &[NOP; 20], &[RETURN]];
        assert_eq!(count("rjail_socket_check_connect", &code), Ok(10));
    }

    #[test]
    fn a_call_on_the_way_is_named() {
        let code: [&[u8]; 2] = [&[0xe8, 0, 0, 0, 0], &[RETURN]];
        let why = count("rjail_priv_check", &code).expect_err("a call");
        assert!(why.contains("malloc"), "{why}");
    }

    #[test]
    fn a_loop_is_given_up() {
        let why = count("rjail_priv_check", &[&[0xeb, 0xfe]]).expect_err("a loop");
        assert!(why.contains("more than 64"), "{why}");
    }

    #[test]
    fn what_is_too_long_is_blamed_and_what_is_not_is_not() {
        assert_eq!(blamed("rjail_priv_check", MOST), Vec::<String>::new());
        let blamed = blamed("rjail_priv_check", MOST + 1);
        assert!(
            blamed[0].contains("rjail_priv_check: outside a jail it executes 13"),
            "{blamed:?}"
        );
    }

    #[test]
    fn of_everybodys_hooks_the_shorter_way_counts() {
        // test rsi, rsi; je over a call
        let code: [&[u8]; 4] = [&[0x48, 0x85, 0xf6], &je(5), &[0xe8, 0, 0, 0, 0], &[RETURN]];
        for name in EVERYBODYS {
            assert_eq!(count(name, &code), Ok(2));
            assert_eq!(blamed(name, MOST + 1).len(), 1);
        }
        assert!(count("rjail_proc_check_wait", &code).is_err());
    }

    #[test]
    fn a_module_without_a_policy_is_refused() {
        let empty = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
        assert!(hooks(&empty.write().expect("ELF")).is_err());
    }

    #[test]
    fn a_listing_marks_the_way() {
        let code = [&LABEL[..], &TEST, &je(1), &[NOP], &[RETURN]].concat();
        let listing = listing(&hooks(&module("rjail_priv_check", &code)).expect("a policy"));
        assert!(listing.contains("rjail_priv_check: 4 instructions outside a jail"), "{listing}");
        assert_eq!(listing.matches("  > ").count(), 5, "{listing}");
    }
}
