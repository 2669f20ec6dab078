//! PyTorch checkpoints made by hand for the tests: such as `torch.save` writes, and such as it never would.

use std::io::Write;

/// Name, shape and numbers of a tensor.
pub(super) type Entry = (String, Vec<usize>, Vec<f32>);

/// A pickle under construction (protocol 2).
pub(super) struct Pickle(Vec<u8>);

impl Pickle {
    pub(super) fn new() -> Self {
        Self(vec![0x80, 2])
    }
    pub(super) fn op(mut self, codes: &[u8]) -> Self {
        self.0.extend_from_slice(codes);
        self
    }
    pub(super) fn text(self, text: &str) -> Self {
        self.op(b"X").op(&(text.len() as u32).to_le_bytes()).op(text.as_bytes())
    }
    pub(super) fn int(self, number: usize) -> Self {
        self.op(b"J").op(&(number as i32).to_le_bytes())
    }
    pub(super) fn global(self, module: &str, name: &str) -> Self {
        self.op(format!("c{module}\n{name}\n").as_bytes())
    }
    fn ints(self, numbers: &[usize]) -> Self {
        let number = |pickle: Self, &n: &usize| if n < 1 << 31 { pickle.int(n) } else { pickle.long(n) };
        numbers.iter().fold(self.op(b"("), number).op(b"t")
    }
    /// `system(command)` of the module `posix`, as a malicious file would have it called.
    pub(super) fn system(self, command: &str) -> Self {
        self.global("posix", "system").op(b"(").text(command).op(b"tR")
    }
    /// As `int`, of 8 bytes.
    fn long(self, number: usize) -> Self {
        self.op(b"\x8a\x08").op(&(number as i64).to_le_bytes())
    }
    /// `_rebuild_tensor_v2` of the storage `key`.
    fn tensor(self, key: &str, shape: &[usize], legacy: bool) -> Self {
        let numel = shape.iter().product();
        let stride: Vec<usize> = (1..=shape.len()).map(|d| shape[d..].iter().product()).collect();
        self.view(key, [numel, 0], [shape, &stride], legacy)
    }
    /// As `tensor`, of `numel` numbers from an offset on, with steps of its own.
    fn view(
        self,
        key: &str,
        [numel, offset]: [usize; 2],
        [shape, stride]: [&[usize]; 2],
        legacy: bool,
    ) -> Self {
        let id = self.global("torch._utils", "_rebuild_tensor_v2").op(b"((").text("storage");
        let id = id.global("torch", "FloatStorage").text(key).text("cpu").int(numel);
        let id = if legacy { id.op(b"N") } else { id };
        id.op(b"tQ")
            .int(offset)
            .ints(shape)
            .ints(stride)
            .op(b"\x89")
            .global("collections", "OrderedDict")
            .op(b")RtR")
    }
    pub(super) fn end(self) -> Vec<u8> {
        self.op(b".").0
    }
}

fn state_dict(tensors: &[Entry], legacy: bool, extra: impl FnOnce(Pickle) -> Pickle) -> Vec<u8> {
    let mut pickle = Pickle::new().op(b"}(");
    for (index, (name, shape, _)) in tensors.iter().enumerate() {
        pickle = pickle.text(name).tensor(&index.to_string(), shape, legacy);
    }
    extra(pickle).op(b"u").end()
}

fn bytes_of(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

/// A checkpoint as `torch.save` writes it since PyTorch 1.6.
pub(super) fn zip_checkpoint(tensors: &[Entry]) -> Vec<u8> {
    zip_checkpoint_with(tensors, |pickle| pickle)
}

/// As [`zip_checkpoint`], with further entries in the dictionary.
pub(super) fn zip_checkpoint_with(tensors: &[Entry], extra: impl FnOnce(Pickle) -> Pickle) -> Vec<u8> {
    zip(&checkpoint_files("archive", tensors, extra))
}

/// As [`zip_checkpoint`], where each tensor is a view with steps of 0 on the numbers given.
pub(super) fn zip_checkpoint_of_views(tensors: &[Entry]) -> Vec<u8> {
    let mut pickle = Pickle::new().op(b"}(");
    for (index, (name, shape, numbers)) in tensors.iter().enumerate() {
        let steps = vec![0; shape.len()];
        pickle = pickle.text(name).view(&index.to_string(), [numbers.len(), 0], [shape, &steps], false);
    }
    let mut files = checkpoint_files("archive", tensors, |pickle| pickle);
    files[0].1 = pickle.op(b"u").end();
    zip(&files)
}

/// As [`zip_checkpoint`] of a file whose stem is `root`, with the ZIP64 record that PyTorch
/// writes even where none is needed.
pub(super) fn zip64_checkpoint(root: &str, tensors: &[Entry]) -> Vec<u8> {
    let mut archive = zip(&checkpoint_files(root, tensors, |pickle| pickle));
    let end = archive.split_off(archive.len() - 22);
    let at = archive.len() as u64;
    let number = |range: std::ops::Range<usize>| {
        let mut bytes = [0; 8];
        bytes[..range.len()].copy_from_slice(&end[range]);
        u64::from_le_bytes(bytes)
    };
    archive.extend(b"PK\x06\x06");
    archive.extend(44_u64.to_le_bytes());
    archive.extend([30, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for field in [number(8..10), number(10..12), number(12..16), number(16..20)] {
        archive.extend(field.to_le_bytes());
    }
    archive.extend(b"PK\x06\x07\0\0\0\0");
    archive.extend(at.to_le_bytes());
    archive.extend(1_u32.to_le_bytes());
    archive.extend(end);
    archive
}

fn checkpoint_files(
    root: &str,
    tensors: &[Entry],
    extra: impl FnOnce(Pickle) -> Pickle,
) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![(format!("{root}/data.pkl"), state_dict(tensors, false, extra))];
    for (index, (_, _, numbers)) in tensors.iter().enumerate() {
        files.push((format!("{root}/data/{index}"), bytes_of(numbers)));
    }
    files.push((format!("{root}/version"), b"3\n".to_vec()));
    files
}

/// A checkpoint as PyTorch 0.1.10 to 1.5 wrote it: pickles, then the storages.
pub(super) fn legacy_checkpoint(tensors: &[Entry]) -> Vec<u8> {
    let mut file = Pickle::new().op(b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19").end();
    file.extend(Pickle::new().int(1001).end());
    file.extend(Pickle::new().op(b"}(").text("little_endian").op(b"\x88u").end());
    file.extend(state_dict(tensors, true, |pickle| pickle));
    let keys = (0..tensors.len()).fold(Pickle::new().op(b"]("), |keys, i| keys.text(&i.to_string()));
    file.extend(keys.op(b"e").end());
    for (_, _, numbers) in tensors {
        file.extend((numbers.len() as i64).to_le_bytes());
        file.extend(bytes_of(numbers));
    }
    file
}

/// A checkpoint as PyTorch before 0.1.10 wrote it: a TAR archive.
pub(super) fn tar_checkpoint(tensors: &[Entry]) -> Vec<u8> {
    let mut storages = Pickle::new().int(tensors.len()).end();
    let mut table = Pickle::new().int(tensors.len()).end();
    let mut main = Pickle::new().op(b"}(");
    for (index, (name, shape, numbers)) in tensors.iter().enumerate() {
        let (storage, tensor) = (1000 + index, 2000 + index);
        let meta = Pickle::new().op(b"(").int(storage).text("cpu").global("torch", "FloatStorage");
        storages.extend(meta.op(b"t").end());
        storages.extend((numbers.len() as i64).to_le_bytes());
        storages.extend(bytes_of(numbers));
        let meta = Pickle::new().op(b"(").int(tensor).int(storage).global("torch", "FloatTensor");
        table.extend(meta.op(b"t").end());
        table.extend((shape.len() as i32).to_le_bytes());
        table.extend([0; 4]);
        let strides = (1..=shape.len()).map(|d| shape[d..].iter().product::<usize>());
        for number in shape.iter().copied().chain(strides) {
            table.extend((number as i64).to_le_bytes());
        }
        table.extend(0_i64.to_le_bytes());
        main = main.text(name).text(&tensor.to_string()).op(b"Q");
    }
    storages.extend(Pickle::new().op(b"]").end());
    let sys_info = Pickle::new().op(b"}(").text("little_endian").op(b"\x88u").end();
    tar(&[
        ("sys_info", sys_info),
        ("storages", storages),
        ("tensors", table),
        ("pickle", main.op(b"u").end()),
    ])
}

/// A stored (uncompressed) ZIP archive.
pub(super) fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in files {
        let offset = archive.len() as u32;
        let mut common = Vec::new();
        // Version 2.0, no flags, stored, midnight of 1 January 1980.
        for field in [20_u16, 0, 0, 0, 0x21] {
            common.extend(field.to_le_bytes());
        }
        for field in [crc32(data), data.len() as u32, data.len() as u32] {
            common.extend(field.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0; 2]);
        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(name.as_bytes());
        archive.extend(data);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, length) = (archive.len() as u32, directory.len() as u32);
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    for _ in 0..2 {
        archive.extend((files.len() as u16).to_le_bytes());
    }
    archive.extend(length.to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0; 2]);
    archive
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

fn tar(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, data) in files {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &str| (&mut header[at..]).write_all(text.as_bytes()).unwrap();
        put(0, name);
        put(100, "0000644\0");
        put(124, &format!("{:011o}\0", data.len()));
        put(148, "        0");
        put(257, "ustar\x0000");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        (&mut header[148..]).write_all(format!("{sum:06o}\0 ").as_bytes()).unwrap();
        archive.extend(header);
        archive.extend(data);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.extend([0; 1024]);
    archive
}
