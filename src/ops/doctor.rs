//! The checks of `tagdeck doctor` for who has a dashboard open.
//! What is checked, and how, is `doctor`'s.

use std::sync::Arc;

use super::Ops;
pub use crate::doctor::{Check, Patient, State};

impl Ops {
    /// The same with what is to be examined when somebody asks for it.
    #[must_use]
    pub fn with_patient(self, patient: Patient) -> Self {
        Self { patient: Some(Arc::new(patient)), ..self }
    }

    /// All checks; none where nobody said what to examine. For who only watches nothing is stored to try the blob store.
    pub async fn examine(&self) -> Vec<Check> {
        let Some(patient) = &self.patient else { return Vec::new() };
        let patient = Patient { no_probe: patient.no_probe || self.changing().is_err(), ..Patient::clone(patient) };
        crate::doctor::examine(&patient, &mut |_, _| {}).await
    }
}
