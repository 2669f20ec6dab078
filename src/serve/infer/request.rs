//! What a request of the open inference protocol asks.

use crate::picture::Picture;
use crate::serve::failure::Failure;
use crate::serve::picture::Given;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;

/// A request's JSON.
#[derive(Debug, Deserialize)]
pub struct Request {
    /// Handed back.
    pub id: Option<String>,
    #[serde(default)]
    parameters: Parameters,
    inputs: Vec<Input>,
    /// Those that are wanted; the short ones unless given.
    pub outputs: Option<Vec<Wanted>>,
}

impl Request {
    /// Whether an output is to follow the JSON as bytes.
    pub fn is_binary(&self, wanted: Option<&Wanted>) -> bool {
        let own = wanted.and_then(|wanted| wanted.parameters.binary_data);
        own.or(self.parameters.binary_data_output).unwrap_or(false)
    }
}

/// An output that is wanted.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    /// Which.
    pub name: String,
    #[serde(default)]
    parameters: Parameters,
}

/// The parameters that mean something here; others are for other servers.
#[derive(Debug, Default, Deserialize)]
struct Parameters {
    binary_data_size: Option<usize>,
    binary_data: Option<bool>,
    binary_data_output: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Input {
    name: String,
    shape: Vec<usize>,
    datatype: String,
    #[serde(default)]
    parameters: Parameters,
    data: Option<Data>,
}

/// The elements of a tensor, flat or nested, row by row.
#[derive(Debug, Default)]
struct Data {
    numbers: Vec<u8>,
    texts: Vec<String>,
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut data = Self::default();
        Into(&mut data).deserialize(deserializer)?;
        Ok(data)
    }
}

/// Puts what it meets into the data.
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
        self.0.texts.push(value.into());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while sequence.next_element_seed(Into(self.0))?.is_some() {}
        Ok(())
    }
}

/// Reads a body, of which the first `length` bytes are JSON; pictures of at most `most` pixels.
///
/// # Errors
/// What is wrong with it.
pub fn read(body: &[u8], length: usize, most: u64) -> Result<(Request, Vec<Given>), Failure> {
    let (text, mut tensors) = body.split_at(length);
    let request: Request =
        serde_json::from_slice(text).map_err(|e| Failure::bad(format!("the request's JSON: {e}")))?;
    let [input] = request.inputs.as_slice() else {
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
        ("pixels", "UINT8") => pixels(input, bytes, most)?,
        ("pictures", "BYTES") => pictures(input, bytes)?,
        (name, kind) => {
            let reason = format!("input {name} of {kind}: there are pixels (UINT8) and pictures (BYTES)");
            return Err(Failure::bad(reason));
        }
    };
    Ok((request, given))
}

fn pixels(input: &Input, bytes: Option<&[u8]>, most: u64) -> Result<Vec<Given>, Failure> {
    let &[count, height, width, 3] = input.shape.as_slice() else {
        return Err(Failure::bad(format!("pixels has the shape {:?}, not [B, H, W, 3]", input.shape)));
    };
    let one = height.checked_mul(width).filter(|&area| area > 0 && count > 0);
    let one = one.ok_or_else(|| Failure::bad("pixels: a shape without any pixel"))?;
    if one as u64 > most {
        let reason = format!("{width} x {height} pixels: more than {} megapixels", most as f64 / 1e6);
        return Err(Failure::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, reason));
    }
    let data = bytes.or(input.data.as_ref().map(|data| data.numbers.as_slice())).unwrap_or_default();
    let mixed = input.data.as_ref().is_some_and(|data| !data.texts.is_empty());
    if mixed || one.checked_mul(3).and_then(|one| one.checked_mul(count)) != Some(data.len()) {
        let reason = format!("pixels: the shape {:?} does not hold {} numbers", input.shape, data.len());
        return Err(Failure::bad(reason));
    }
    let picture = |pixels: &[u8]| Picture::from_raw(width as u32, height as u32, pixels.to_vec());
    let all: Option<Vec<_>> = data.chunks_exact(3 * one).map(picture).collect();
    let all = all.ok_or_else(|| Failure::bad("pixels: an impossible shape"))?;
    Ok(all.into_iter().map(Given::Pixels).collect())
}

fn pictures(input: &Input, bytes: Option<&[u8]>) -> Result<Vec<Given>, Failure> {
    let files = match (bytes, &input.data) {
        (Some(bytes), _) => split(bytes)?,
        (None, Some(data)) if data.numbers.is_empty() => {
            let decode = |text: &String| BASE64_STANDARD.decode(text);
            let files: Result<_, _> = data.texts.iter().map(decode).collect();
            files.map_err(|e| Failure::bad(format!("pictures: not base64: {e}")))?
        }
        _ => return Err(Failure::bad("pictures: give texts in base64, or bytes behind the JSON")),
    };
    if files.is_empty()
        || input.shape.iter().try_fold(1, |all: usize, &n| all.checked_mul(n)) != Some(files.len())
    {
        let reason = format!("pictures: the shape {:?} does not hold {} pictures", input.shape, files.len());
        return Err(Failure::bad(reason));
    }
    Ok(files.into_iter().map(Given::Encoded).collect())
}

/// Elements of bytes, each behind its length in four bytes, the lowest first.
fn split(mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut files = Vec::new();
    while !bytes.is_empty() {
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

    fn count(json: &str, rest: &[u8]) -> Result<usize, String> {
        let body = [json.as_bytes(), rest].concat();
        read(&body, json.len(), 100).map(|(_, given)| given.len()).map_err(|failure| failure.message)
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
        for (json, rest, words) in [
            (pixels("[1,1,1,3]", r#","data":[1,2,256]"#), "", "not from 0 to 255"),
            (pixels("[1,1,1,3]", r#","data":[1,2,-3]"#), "", "whole numbers"),
            (pixels("[1,1,1,3]", r#","data":[1,2]"#), "", "does not hold 2"),
            (pixels("[1,1,1,3]", ""), "", "does not hold 0"),
            (pixels("[1,1,1,4]", r#","data":[1,2,3,4]"#), "", "not [B, H, W, 3]"),
            (pixels("[0,1,1,3]", r#","data":[]"#), "", "without any pixel"),
            (pixels("[1,4294967296,4294967296,3]", r#","data":[]"#), "", "without any pixel"),
            (pixels("[1,11,11,3]", r#","data":[]"#), "", "megapixels"),
            (pixels("[9223372036854775807,2,2,3]", r#","data":[]"#), "", "does not hold"),
            (pixels("[1,1,1,3]", binary), "abc", "3 bytes follow"),
            (pixels("[1,1,1,3]", r#","data":[1,2,3]"#), "abc", "no input says"),
            (pictures("[1]", r#","data":["%"]"#), "", "not base64"),
            (pictures("[2]", r#","data":["YQ=="]"#), "", "does not hold 1"),
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
}
