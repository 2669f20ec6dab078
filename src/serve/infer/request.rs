//! Parses a request of the open inference protocol.

use crate::picture::{Pixels, Size, from_pixels};
use crate::serve::failure::Failure;
use crate::serve::limits::Limits;
use crate::serve::picture::Given;
use crate::serve::queue::fits;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// A request without its pictures.
#[derive(Debug)]
pub struct Request {
    /// Returned in the answer.
    pub id: Option<String>,
    parameters: Parameters,
    /// The requested outputs; the short ones unless given.
    pub outputs: Option<Vec<Wanted>>,
}

/// A request's JSON.
#[derive(Debug, Deserialize)]
struct Body<'a> {
    id: Option<String>,
    #[serde(default)]
    parameters: Parameters,
    #[serde(borrow)]
    inputs: Vec<Input<'a>>,
    outputs: Option<Vec<Wanted>>,
}

impl Request {
    /// Whether an output should follow the JSON as bytes.
    pub fn is_binary(&self, wanted: Option<&Wanted>) -> bool {
        let own = wanted.and_then(|wanted| wanted.parameters.binary_data);
        own.or(self.parameters.binary_data_output).unwrap_or(false)
    }
}

/// A requested output.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    /// The output's name.
    pub name: String,
    #[serde(default)]
    parameters: Parameters,
}

/// The parameters that this server uses; others are ignored.
#[derive(Debug, Default, Deserialize)]
struct Parameters {
    binary_data_size: Option<usize>,
    binary_data: Option<bool>,
    binary_data_output: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Input<'a> {
    name: String,
    shape: Vec<usize>,
    datatype: String,
    #[serde(default)]
    parameters: Parameters,
    /// Parsed once its allowed size is known.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

impl Input<'_> {
    /// Its elements, with at most `texts` texts; empty if they are not in the JSON.
    fn elements(&self, texts: usize) -> Result<Data, Failure> {
        let mut data = Data { most: texts, ..Data::default() };
        if let Some(text) = self.data {
            let mut deserializer = serde_json::Deserializer::from_str(text.get());
            let read = Into(&mut data).deserialize(&mut deserializer);
            read.map_err(|e| Failure::bad(format!("the request's JSON: {}: data: {e}", self.name)))?;
        }
        Ok(data)
    }
}

/// The elements of a tensor, flat or nested, row by row.
#[derive(Debug, Default)]
struct Data {
    numbers: Vec<u8>,
    texts: Vec<String>,
    /// The most texts. An empty text is three bytes of a body, but ten times that in memory.
    most: usize,
}

/// Collects the elements it visits into the data.
struct Into<'a>(&'a mut Data);

impl<'de> DeserializeSeed<'de> for Into<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Into<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whole numbers from 0 to 255, or texts in base64")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        let value = u8::try_from(value).map_err(|_| E::custom(format!("{value} is not from 0 to 255")))?;
        self.0.numbers.push(value);
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        if self.0.texts.len() == self.0.most {
            return Err(E::custom(format!("more than the {} texts of the shape", self.0.most)));
        }
        self.0.texts.push(value.into());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while sequence.next_element_seed(Into(self.0))?.is_some() {}
        Ok(())
    }
}

/// Parses a body, of which the first `length` bytes are JSON. Makes no more pictures than there are places in the
/// queue, and none larger than the limit.
///
/// # Errors
/// The body is malformed or exceeds a limit; says how.
pub fn read(body: &[u8], length: usize, limits: &Limits) -> Result<(Request, Vec<Given>), Failure> {
    let (text, mut tensors) = body.split_at(length);
    let read: Body<'_> =
        serde_json::from_slice(text).map_err(|e| Failure::bad(format!("the request's JSON: {e}")))?;
    let [input] = read.inputs.as_slice() else {
        return Err(Failure::bad("give one input: pixels (UINT8 [B, H, W, 3]) or pictures (BYTES [B])"));
    };
    let bytes = match input.parameters.binary_data_size {
        Some(size) if size == tensors.len() && input.data.is_none() => Some(std::mem::take(&mut tensors)),
        Some(size) => {
            let reason = format!("binary_data_size is {size}, but {} bytes follow the JSON", tensors.len());
            return Err(Failure::bad(reason));
        }
        None => None,
    };
    if !tensors.is_empty() {
        return Err(Failure::bad("bytes follow the JSON, but no input says binary_data_size"));
    }
    let given = match (input.name.as_str(), input.datatype.as_str()) {
        ("pixels", "UINT8") => pixels(input, bytes, limits)?,
        ("pictures", "BYTES") => pictures(input, bytes, limits.queue)?,
        (name, kind) => {
            let reason = format!("input {name} of {kind}: there are pixels (UINT8) and pictures (BYTES)");
            return Err(Failure::bad(reason));
        }
    };
    let Body { id, parameters, outputs, .. } = read;
    Ok((Request { id, parameters, outputs }, given))
}

fn pixels(input: &Input<'_>, bytes: Option<&[u8]>, limits: &Limits) -> Result<Vec<Given>, Failure> {
    let &[count, height, width, 3] = input.shape.as_slice() else {
        return Err(Failure::bad(format!("pixels has the shape {:?}, not [B, H, W, 3]", input.shape)));
    };
    fits(count, limits.queue)?;
    let one = height.checked_mul(width).filter(|&area| area > 0 && count > 0);
    let one = one.ok_or_else(|| Failure::bad("pixels: a shape without any pixel"))?;
    if one as u64 > limits.pixels {
        let reason =
            format!("{width} x {height} pixels: more than {} megapixels", limits.pixels as f64 / 1e6);
        return Err(Failure::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, reason));
    }
    let elements = input.elements(0)?;
    let data = bytes.unwrap_or(&elements.numbers);
    let size = one.checked_mul(3).filter(|size| size.checked_mul(count) == Some(data.len()));
    let Some(size) = size else {
        let reason = format!("pixels: the shape {:?} does not hold {} numbers", input.shape, data.len());
        return Err(Failure::bad(reason));
    };
    let picture = |pixels| from_pixels(Pixels::U8(pixels), Size::new(width, height), 3, None);
    data.chunks_exact(size).map(|pixels| Ok(Given::Pixels(picture(pixels)?))).collect()
}

fn pictures(input: &Input<'_>, bytes: Option<&[u8]>, most: usize) -> Result<Vec<Given>, Failure> {
    let count = input.shape.iter().fold(1, |all: usize, &n| all.saturating_mul(n));
    fits(count, most)?;
    let files = match (bytes, input.elements(count)?) {
        (Some(bytes), _) => split(bytes, count)?,
        (None, Data { numbers, texts, .. }) if numbers.is_empty() && input.data.is_some() => {
            let decode = |text: &String| BASE64_STANDARD.decode(text);
            let files: Result<_, _> = texts.iter().map(decode).collect();
            files.map_err(|e| Failure::bad(format!("pictures: not base64: {e}")))?
        }
        _ => return Err(Failure::bad("pictures: give texts in base64, or bytes behind the JSON")),
    };
    if files.is_empty() || count != files.len() {
        let reason = format!("pictures: the shape {:?} does not hold {} pictures", input.shape, files.len());
        return Err(Failure::bad(reason));
    }
    Ok(files.into_iter().map(Given::Encoded).collect())
}

/// Byte elements, at most `most`, each preceded by its length in four bytes, little-endian.
fn split(mut bytes: &[u8], most: usize) -> Result<Vec<Vec<u8>>, Failure> {
    let mut files = Vec::new();
    while !bytes.is_empty() {
        if files.len() == most {
            return Err(Failure::bad(format!("pictures: more bytes than those of the {most} of the shape")));
        }
        let cut = bytes.split_first_chunk::<4>().and_then(|(length, rest)| {
            rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
        });
        let (file, rest) = cut.ok_or_else(|| Failure::bad("pictures: cut off"))?;
        files.push(file.to_vec());
        bytes = rest;
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_within(pixels: u64, json: &str, rest: &[u8]) -> Result<usize, (u16, String)> {
        let limits = Limits { pixels, queue: 4, ..Limits::default() };
        let body = [json.as_bytes(), rest].concat();
        let failed = |failure: Failure| (failure.status.as_u16(), failure.message);
        read(&body, json.len(), &limits).map(|(_, given)| given.len()).map_err(failed)
    }

    fn count(json: &str, rest: &[u8]) -> Result<usize, String> {
        count_within(100, json, rest).map_err(|(_, said)| said)
    }

    fn input(name: &str, kind: &str, shape: &str, rest: &str) -> String {
        format!(r#"{{"inputs":[{{"name":"{name}","datatype":"{kind}","shape":{shape}{rest}}}]}}"#)
    }

    #[test]
    fn tensors_flat_nested_and_binary() {
        let pixels = |shape: &str, rest: &str| input("pixels", "UINT8", shape, rest);
        assert_eq!(count(&pixels("[2,1,1,3]", r#","data":[1,2,3,4,5,255]"#), b""), Ok(2));
        assert_eq!(count(&pixels("[1,1,2,3]", r#","data":[[[[1,2,3],[4,5,6]]]]"#), b""), Ok(1));
        let binary = r#","parameters":{"binary_data_size":6}"#;
        assert_eq!(count(&pixels("[1,2,1,3]", binary), b"abcdef"), Ok(1));
        let pictures = |shape: &str, rest: &str| input("pictures", "BYTES", shape, rest);
        assert_eq!(count(&pictures("[2]", r#","data":["YQ==","YmM="]"#), b""), Ok(2));
        assert_eq!(count(&pictures("[1]", binary), b"\x02\0\0\0ab"), Ok(1));
        let deep = format!(r#","data":{}{}"#, "[".repeat(100_000), "]".repeat(100_000));
        for (json, rest, words) in [
            (pixels("[1,1,1,3]", r#","data":[1,2,256]"#), "", "not from 0 to 255"),
            (pixels("[1,1,1,3]", r#","data":[1,2,-3]"#), "", "whole numbers"),
            (pixels("[1,1,1,3]", r#","data":[1,2]"#), "", "does not hold 2"),
            (pixels("[1,1,1,3]", ""), "", "does not hold 0"),
            (pixels("[1,1,1,4]", r#","data":[1,2,3,4]"#), "", "not [B, H, W, 3]"),
            (pixels("[0,1,1,3]", r#","data":[]"#), "", "without any pixel"),
            (pixels("[1,4294967296,4294967296,3]", r#","data":[]"#), "", "without any pixel"),
            (pixels("[1,11,11,3]", r#","data":[]"#), "", "megapixels"),
            (pixels("[4,5,5,3]", r#","data":[]"#), "", "does not hold"),
            (pixels("[1,1,1,3]", binary), "abc", "3 bytes follow"),
            (pixels("[1,1,1,3]", r#","data":[1,2,3]"#), "abc", "no input says"),
            (pictures("[1]", r#","data":["%"]"#), "", "not base64"),
            (pixels("[1,1,1,3]", r#","data":["YQ=="]"#), "", "more than the 0 texts"),
            (pixels("[1,1,1,3]", &deep), "", "JSON"),
            (pictures("[2]", r#","data":["YQ=="]"#), "", "does not hold 1"),
            (pictures("[0]", r#","data":[]"#), "", "does not hold 0"),
            (pictures("[1]", r#","data":[1]"#), "", "give texts"),
            (pictures("[1]", ""), "", "give texts"),
            (pictures("[1]", binary), "\x03\0\0\0ab", "cut off"),
            (input("pixels", "FP32", "[1]", ""), "", "there are pixels"),
            (r#"{"inputs":[]}"#.into(), "", "one input"),
            ("{".into(), "", "JSON"),
            (format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), "", "JSON"),
        ] {
            let said = count(&json, rest.as_bytes()).unwrap_err();
            assert!(said.contains(words), "{}: {said}", &json[..json.len().min(200)]);
        }
    }

    /// A body with more pictures than the queue takes, or than its shape says, is refused before any is made.
    #[test]
    fn no_more_pictures_than_places() {
        let behind = |size: usize| format!(r#","parameters":{{"binary_data_size":{size}}}"#);
        let most = usize::MAX;
        for (shape, rest) in [("[5]", ""), ("[5,1]", ""), (&format!("[{most},{most}]"), "\0\0\0\0\0\0\0\0")] {
            let json = input("pictures", "BYTES", shape, &behind(rest.len()));
            let (status, said) = count_within(100, &json, rest.as_bytes()).unwrap_err();
            assert!(status == 413 && said.contains("at most 4"), "{shape}: {status} {said}");
        }
        for shape in ["[5,1,1,3]".to_owned(), format!("[{most},2,2,3]")] {
            let (status, said) =
                count_within(100, &input("pixels", "UINT8", &shape, &behind(15)), &[7; 15]).unwrap_err();
            assert!(status == 413 && said.contains("at most 4"), "{shape}: {status} {said}");
        }
        let two = input("pictures", "BYTES", "[1]", &behind(8));
        let (status, said) = count_within(100, &two, &[0; 8]).unwrap_err();
        assert!(status == 400 && said.contains("more bytes"), "{said}");
        let two = input("pictures", "BYTES", "[1]", r#","data":["",""]"#);
        let (status, said) = count_within(100, &two, b"").unwrap_err();
        assert!(status == 400 && said.contains("more than the 1 texts"), "{said}");
    }

    /// Few pixels in total, but one side is so long that resizing would take all memory.
    #[test]
    fn sides_have_the_limit_of_files() {
        let json =
            |shape: &str| input("pixels", "UINT8", shape, r#","parameters":{"binary_data_size":60003}"#);
        for shape in ["[1,1,20001,3]", "[1,20001,1,3]"] {
            let (status, said) = count_within(30_000, &json(shape), &[7; 60_003]).unwrap_err();
            assert!(status == 422 && said.contains("per side"), "{shape}: {status} {said}");
        }
        assert_eq!(count_within(30_000, &json("[1,3,6667,3]"), &[7; 60_003]), Ok(1));
    }
}
