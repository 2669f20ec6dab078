//! Writes the answer to a request of the open inference protocol.

use super::JSON_LENGTH;
use super::request::{Request, Wanted};
use crate::detection::Verdict;
use crate::serve::failure::{Failure, json};
use crate::serve::model::Loaded;
use crate::serve::service::Judged;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Outputs that are given by default.
const SHORT: [&str; 4] = ["score", "normalized", "anomalous", "threshold"];

/// Outputs that must be requested.
const LONG: [&str; 2] = ["regions", "map"];

/// The elements of an output.
enum Elements {
    Doubles(Vec<f64>),
    Floats(Vec<f32>),
    Booleans(Vec<bool>),
    Texts(Vec<String>),
}

impl Elements {
    fn kind(&self) -> &'static str {
        match self {
            Self::Doubles(_) => "FP64",
            Self::Floats(_) => "FP32",
            Self::Booleans(_) => "BOOL",
            Self::Texts(_) => "BYTES",
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Doubles(values) => json!(values),
            Self::Floats(values) => json!(values),
            Self::Booleans(values) => json!(values),
            Self::Texts(values) => json!(values),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Doubles(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::Floats(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::Booleans(values) => values.iter().map(|&value| u8::from(value)).collect(),
            Self::Texts(values) => {
                let element = |text: &String| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
                values.iter().flat_map(element).collect()
            }
        }
    }
}

/// The answer.
///
/// # Errors
/// A requested output does not exist.
pub fn write(request: &Request, model: &Loaded, judged: &[Judged]) -> Result<Response, Failure> {
    let wanted: Vec<(&str, Option<&Wanted>)> = match &request.outputs {
        Some(outputs) if !outputs.is_empty() => outputs.iter().map(|w| (w.name.as_str(), Some(w))).collect(),
        _ => SHORT.map(|name| (name, None)).to_vec(),
    };
    if wanted.len() > SHORT.len() + LONG.len() {
        let reason = format!("{} outputs are asked for; ask for each of them once", wanted.len());
        return Err(Failure::bad(reason));
    }
    let (mut outputs, mut tensors, mut any) = (Vec::new(), Vec::new(), false);
    for (name, wanted) in wanted {
        let (shape, elements) = output(name, model, judged)?;
        let mut output = json!({ "name": name, "datatype": elements.kind(), "shape": shape });
        if request.is_binary(wanted) {
            let bytes = elements.bytes();
            output["parameters"] = json!({ "binary_data_size": bytes.len() });
            tensors.extend(bytes);
            any = true;
        } else {
            output["data"] = elements.json();
        }
        outputs.push(output);
    }
    let mut answer = json!({ "model_name": model.name, "model_version": "1", "outputs": outputs });
    if let Some(id) = &request.id {
        answer["id"] = json!(id);
    }
    if !any {
        return Ok(json(&answer));
    }
    let mut body = serde_json::to_vec(&answer).map_err(|e| Failure::inner(e.to_string()))?;
    let length = HeaderValue::from(body.len());
    body.extend(tensors);
    let kind = (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(([kind, (HeaderName::from_static(JSON_LENGTH), length)], body).into_response())
}

/// Shape and elements of an output.
fn output(name: &str, model: &Loaded, judged: &[Judged]) -> Result<(Vec<usize>, Elements), Failure> {
    let count = judged.len();
    let found = || judged.iter().map(|judged| &judged.found);
    Ok(match name {
        "score" => (vec![count], Elements::Doubles(found().map(|found| found.score).collect())),
        "normalized" => (vec![count], Elements::Doubles(found().map(|found| found.normalized).collect())),
        "anomalous" => {
            let anomalous = found().map(|found| found.verdict == Verdict::Anomalous);
            (vec![count], Elements::Booleans(anomalous.collect()))
        }
        "threshold" => (vec![1], Elements::Doubles(vec![model.detector.info.threshold.value])),
        "regions" => {
            let texts: Result<_, _> = found().map(|found| serde_json::to_string(&found.regions)).collect();
            (vec![count], Elements::Texts(texts.map_err(|e| Failure::inner(e.to_string()))?))
        }
        "map" => {
            let sizes = || found().map(|found| [found.map.height, found.map.width]);
            let size = sizes().next().unwrap_or_default();
            if sizes().any(|other| other != size) {
                let reason = "map: these pictures' maps are of different sizes; send them one by one";
                return Err(Failure::bad(reason));
            }
            let values = found().flat_map(|found| found.map.data.iter().copied()).collect();
            (vec![count, size[0], size[1]], Elements::Floats(values))
        }
        other => {
            let reason = format!("there is no output {other}: {}, {}", SHORT.join(", "), LONG.join(", "));
            return Err(Failure::bad(reason));
        }
    })
}
