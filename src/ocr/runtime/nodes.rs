//! Which nodes of a model really run on a GPU: one run writes ONNX Runtime's own profile, and the profile is counted.
//! It measures no time.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::net::{self, Net};
use super::provider::Device;
use super::{Runtime, engine};
use crate::ocr::OcrError;
use crate::ocr::models::Model;

/// Nodes of a model's graph as ONNX Runtime made it for this machine. Copies between the CPU and a GPU are none of the model's and
/// not counted; what `TensorRT` has made one of counts as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Nodes {
    /// Those that ran.
    pub all: usize,
    /// Those of them that ran on a GPU.
    pub on_gpu: usize,
}

impl std::fmt::Display for Nodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.on_gpu, self.all)
    }
}

#[derive(Deserialize)]
struct Event {
    cat: String,
    name: String,
    #[serde(default)]
    args: Args,
}

#[derive(Deserialize, Default)]
struct Args {
    #[serde(default)]
    op_name: String,
    #[serde(default)]
    provider: String,
}

impl Runtime {
    /// Loads a model as [`Runtime::net`] does, runs it on an empty input, and counts what ran where.
    pub fn nodes(&self, model: Model) -> Result<Nodes, OcrError> {
        let device = self.placement().device;
        self.nodes_on(model, device)
    }

    pub(super) fn nodes_on(&self, model: Model, device: Device) -> Result<Nodes, OcrError> {
        let untold = |why: &dyn std::fmt::Display| engine(&format!("cannot tell where the model {} runs: {why}", model.role()));
        let folder = tempfile::tempdir().map_err(|error| untold(&error))?;
        let mut net: Net = self.build(model, device, Some(&folder.path().join("profile")))?;
        let input = net::empty_input(model);
        net.run(input, &vec![0.0; input.iter().product()])?;
        let profile = net.end_profile().map_err(|error| untold(&error))?;
        let profile = std::fs::read_to_string(profile).map_err(|error| untold(&error))?;
        count(&profile).map_err(|error| untold(&error))
    }
}

/// A node inside a loop runs many times and counts once.
fn count(profile: &str) -> Result<Nodes, serde_json::Error> {
    let events: Vec<Event> = serde_json::from_str(profile)?;
    let ran = events.iter().filter(|event| event.cat == "Node" && event.name.ends_with("_kernel_time"));
    let own = ran.filter(|event| !event.args.provider.is_empty() && !event.args.op_name.starts_with("Memcpy"));
    let nodes: BTreeSet<(&str, &str)> = own.map(|event| (event.name.as_str(), event.args.provider.as_str())).collect();
    let on_gpu = nodes.iter().filter(|(_, provider)| *provider != "CPUExecutionProvider").count();
    Ok(Nodes { all: nodes.len(), on_gpu })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As ONNX Runtime 1.31 writes it, with a node in a loop and a copy.
    const PROFILE: &str = r#"[
{"cat" : "Session","pid" :1,"tid" :1,"dur" :9,"ts" :1,"ph" : "X","name" :"model_loading_array","args" : {}},
{"cat" : "Node","pid" :1,"tid" :1,"dur" :0,"ts" :2,"ph" : "X","name" :"a_fence_before","args" : {"op_name" : "Conv"}},
{"cat" : "Node","pid" :1,"tid" :1,"dur" :5,"ts" :2,"ph" : "X","name" :"a_kernel_time","args" : {"op_name" : "Conv","provider" : "CUDAExecutionProvider","node_index" : "0"}},
{"cat" : "Node","pid" :1,"tid" :1,"dur" :5,"ts" :3,"ph" : "X","name" :"m_kernel_time","args" : {"op_name" : "MemcpyToHost","provider" : "CUDAExecutionProvider","node_index" : "1"}},
{"cat" : "Node","pid" :1,"tid" :1,"dur" :5,"ts" :4,"ph" : "X","name" :"b_kernel_time","args" : {"op_name" : "NonZero","provider" : "CPUExecutionProvider","node_index" : "2"}},
{"cat" : "Node","pid" :1,"tid" :1,"dur" :5,"ts" :5,"ph" : "X","name" :"b_kernel_time","args" : {"op_name" : "NonZero","provider" : "CPUExecutionProvider","node_index" : "2"}}
]"#;

    #[test]
    fn a_profile_is_counted_by_where_its_nodes_ran() {
        assert_eq!(count(PROFILE).unwrap(), Nodes { all: 2, on_gpu: 1 });
        assert!(count("[").is_err());
    }
}
