//! The open inference protocol.

use crate::client::{one, png};
use crate::program::{part, text};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

const INFER: &str = "/v2/models/m/infer";

fn output<'a>(answer: &'a Value, name: &str) -> &'a Value {
    answer["outputs"].as_array().unwrap().iter().find(|output| output["name"] == name).unwrap()
}

#[test]
fn what_there_is() {
    let (_folder, service) = one("");
    assert_eq!(service.get("/v2").json()["name"], "aand");
    for path in ["/v2/health/live", "/v2/health/ready", "/v2/models/m/ready"] {
        assert_eq!(service.get(path).status, 200, "{path}");
    }
    let model = service.get("/v2/models/m").json();
    assert_eq!((&model["name"], &model["parameters"]["threshold"]), (&json!("m"), &json!(1.5)));
    assert_eq!(output(&model, "map")["shape"], json!([-1, 64, 64]));
    assert_eq!(service.get("/v2/models/x").error().0, 404);
    assert_eq!(service.get("/v2/models/x/ready").error().0, 404);
}

/// Pixels and files, inside the JSON and after it, one and many: the scores equal those of `/detect`.
#[test]
fn every_form_has_the_same_scores() {
    let (_folder, service) = one("");
    let right: Vec<Value> = (0..2).map(|n| service.post("/detect", &png(n, n == 1)).json()).collect();
    let scores = json!([right[0]["score"], right[1]["score"]]);
    let anomalous = json!([right[0]["anomalous"], right[1]["anomalous"]]);
    let pictures = [part(0, false), part(1, true)];
    let (width, height) = pictures[0].dimensions();
    let pixels: Vec<u8> = pictures.iter().flat_map(|picture| picture.as_raw().clone()).collect();
    let tensor = |rest: Value| {
        let mut input = json!({ "name": "pixels", "datatype": "UINT8", "shape": [2, height, width, 3] });
        input.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        json!({ "id": "7", "inputs": [input] })
    };
    let check = |answer: &Value, form: &str| {
        assert_eq!(output(answer, "score")["data"], scores, "{form}");
        assert_eq!(output(answer, "anomalous")["data"], anomalous, "{form}");
        assert_eq!(output(answer, "threshold")["data"], json!([1.5]), "{form}");
    };
    let answer = service.post(INFER, tensor(json!({ "data": pixels })).to_string().as_bytes()).json();
    check(&answer, "pixels");
    assert_eq!((&answer["id"], &answer["model_name"]), (&json!("7"), &json!("m")));
    let files = [png(0, false), png(1, true)];
    let encoded = files.each_ref().map(|file| BASE64_STANDARD.encode(file));
    let request =
        json!({ "inputs": [{ "name": "pictures", "datatype": "BYTES", "shape": [2], "data": encoded }] });
    check(&service.post(INFER, request.to_string().as_bytes()).json(), "files");

    let binary = |json: &Value, tensor: &[u8]| {
        let json = json.to_string();
        let length = json.len().to_string();
        let body = [json.as_bytes(), tensor].concat();
        service.ask("POST", INFER, &[("inference-header-content-length", &length)], &body)
    };
    let answer = binary(&tensor(json!({ "parameters": { "binary_data_size": pixels.len() } })), &pixels);
    check(&answer.json(), "pixels behind the JSON");
    let elements: Vec<u8> = files
        .iter()
        .flat_map(|file| [&(file.len() as u32).to_le_bytes(), file.as_slice()].concat())
        .collect();
    let request = json!({
        "inputs": [{ "name": "pictures", "datatype": "BYTES", "shape": [2],
                     "parameters": { "binary_data_size": elements.len() } }],
        "outputs": [{ "name": "score", "parameters": { "binary_data": true } },
                    { "name": "map", "parameters": { "binary_data": true } }, { "name": "regions" }],
    });
    let answer = binary(&request, &elements);
    let length: usize = answer.header("inference-header-content-length").unwrap().parse().unwrap();
    let told: Value = serde_json::from_slice(&answer.body[..length]).unwrap();
    assert_eq!(output(&told, "map")["shape"], json!([2, 64, 64]));
    let bytes = &answer.body[length..];
    let found: Vec<f64> = bytes[..16].as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
    assert_eq!(json!(found), scores);
    let map: Vec<f32> = bytes[16..].as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    assert_eq!(map.len(), 2 * 64 * 64);
    let highest = map[..64 * 64].iter().copied().fold(0.0, f32::max);
    assert_eq!(json!(f64::from(highest)), scores[0]);
    let regions: Value = serde_json::from_str(output(&told, "regions")["data"][1].as_str().unwrap()).unwrap();
    assert_eq!(regions, right[1]["regions"]);
}

#[test]
fn wrong_requests_are_told_what_is_wrong() {
    let (_folder, service) = one("--queue 4");
    let input = |rest: &str| format!(r#"{{"inputs":[{{"name":"pixels","datatype":"UINT8",{rest}}}]}}"#);
    for (body, status, words) in [
        ("".to_owned(), 400, "JSON"),
        (input(r#""shape":[1,1,1,3],"data":[1,2]"#), 400, "does not hold"),
        (input(r#""shape":[5,1,1,3],"data":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]"#), 413, "at most 4"),
        (
            r#"{"inputs":[{"name":"pictures","datatype":"BYTES","shape":[1],"data":["aGk="]}]}"#.into(),
            422,
            "usable",
        ),
    ] {
        let (found, said) = service.post(INFER, body.as_bytes()).error();
        assert!(found == status && said.contains(words), "{body}: {found} {said}");
    }
    let good = input(r#""shape":[1,1,1,3],"data":[1,2,3]"#);
    let unknown = good.replace(r#""inputs""#, r#""outputs":[{"name":"x"}],"inputs""#);
    assert_eq!(service.post(INFER, unknown.as_bytes()).error().0, 400);
    let short = service.ask("POST", INFER, &[("inference-header-content-length", "999")], good.as_bytes());
    assert_eq!(short.error().0, 400);
    let fine = service.post(INFER, good.as_bytes());
    assert_eq!(fine.status, 200, "{}", text(&fine.body));
    assert_eq!(service.post("/v2/models/x/infer", good.as_bytes()).error().0, 404);
}
