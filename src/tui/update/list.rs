//! What a list shows and which of its lines are marked.
//! What is done to them is `change`'s.

use super::act::refuse;
use crate::domain::{PostOrder, Status};
use crate::tui::effect::Effect;
use crate::tui::keymap::Action;
use crate::tui::locale::t;
use crate::tui::model::filter::Filter;
use crate::tui::model::{Model, Pane, Popup};
use crate::tui::popup;

/// Does one of the actions on lists.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Mark => {
            mark(model);
            super::motion::go(model, super::motion::Step::By(1))
        }
        Action::MarkRange => {
            if let Some((marks, ids, cursor)) = model.marking()
                && let Some(id) = ids.get(cursor)
            {
                marks.range(*id);
            }
            Vec::new()
        }
        Action::MarkAll => {
            if let Some((marks, ids, _)) = model.marking()
                && !ids.is_empty()
            {
                let all = !marks.all;
                marks.clear();
                marks.all = all;
            }
            Vec::new()
        }
        Action::CycleStatus => cycle_status(model),
        Action::CycleClass if model.classes.is_empty() && model.failed.filter.class.is_none() => {
            refuse(model, t("There is no class to choose: no post has failed."))
        }
        Action::CycleClass => {
            model.failed.filter.class = next_class(model);
            reload(model)
        }
        Action::ToggleKind | Action::OnlyKind | Action::EveryKind => kinds(model, action),
        Action::Group => group(model),
        Action::Sort => {
            model.failed.order = model.failed.next_order();
            reload(model)
        }
        Action::ClearFilter => clear(model),
        Action::Follow => {
            follow(model);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn mark(model: &mut Model) {
    if let Some((marks, ids, cursor)) = model.marking()
        && let Some(id) = ids.get(cursor)
    {
        marks.toggle(*id);
    }
}

/// Loads the list in focus anew, after its filter or order changed.
pub fn reload(model: &mut Model) -> Vec<Effect> {
    match model.focus {
        Pane::Failed => vec![Effect::Page(model.failed.reload())],
        Pane::Ocr => vec![Effect::Images(model.images.reload())],
        Pane::Log => {
            let rows = model.list_rows();
            model.log.narrowed(rows);
            Vec::new()
        }
        Pane::Outputs => super::outputs::reload(model),
        Pane::Overview => Vec::new(),
    }
}

/// In the window of levels and kinds: the one under the cursor, or all.
fn kinds(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(Popup::Kinds(at)) = model.popups.last() else { return Vec::new() };
    let chosen = popup::kinds::kinds(*at);
    let filter = &mut model.log.filter;
    match action {
        Action::OnlyKind => filter.kinds = chosen,
        Action::EveryKind => filter.kinds.clear(),
        _ if filter.toggle(&chosen) => {}
        _ => return refuse(model, t("Nothing would be left: a shows everything again.")),
    }
    reload(model)
}

/// The statuses one after the other, then the pane's own choice again.
fn cycle_status(model: &mut Model) -> Vec<Effect> {
    let (filter, cycle): (_, &[Status]) = match model.focus {
        Pane::Ocr => (&mut model.images.filter, Status::ALL),
        _ => (&mut model.failed.filter, &[Status::Failed, Status::Retrying]),
    };
    let after = match filter.statuses.as_slice() {
        [] => 0,
        [one] => cycle.iter().position(|status| status == one).map_or(cycle.len(), |at| at + 1),
        _ => cycle.len(),
    };
    filter.statuses = cycle.get(after).into_iter().copied().collect();
    model.failed.grouped = None;
    reload(model)
}

fn next_class(model: &Model) -> Option<String> {
    let after = match &model.failed.filter.class {
        None => 0,
        Some(class) => model.classes.iter().position(|(c, _)| c == class).map_or(model.classes.len(), |at| at + 1),
    };
    model.classes.get(after).map(|(class, _)| class.clone())
}

fn group(model: &mut Model) -> Vec<Effect> {
    if model.failed.grouped.take().is_none() {
        if model.classes.is_empty() {
            return refuse(model, t("There is no class to choose: no post has failed."));
        }
        model.failed.grouped = Some(0);
    }
    Vec::new()
}

/// The posts of the cause under the cursor.
pub fn open_group(model: &mut Model) -> Vec<Effect> {
    let class = model.failed.grouped.take().and_then(|at| model.classes.get(at)).map(|(class, _)| class.clone());
    model.failed.filter = Filter { class, statuses: vec![Status::Failed], ..Filter::default() };
    reload(model)
}

/// First the marks go, then the filter.
fn clear(model: &mut Model) -> Vec<Effect> {
    if let Some((marks, _, _)) = model.marking()
        && !marks.is_empty()
    {
        marks.clear();
        return Vec::new();
    }
    match model.focus {
        Pane::Overview => Vec::new(),
        Pane::Outputs => super::outputs::clear(model),
        Pane::Log => {
            model.log.filter = Filter::default();
            model.log.follow();
            Vec::new()
        }
        Pane::Failed if model.failed.grouped.take().is_some() => Vec::new(),
        Pane::Failed if model.failed.filter.is_empty() && model.failed.order == PostOrder::Newest => Vec::new(),
        Pane::Failed => {
            (model.failed.filter, model.failed.order) = (Filter::default(), PostOrder::Newest);
            reload(model)
        }
        Pane::Ocr if model.images.filter.is_empty() => Vec::new(),
        Pane::Ocr => {
            model.images.filter = Filter::default();
            reload(model)
        }
    }
}

fn follow(model: &mut Model) {
    if model.log.following() {
        let height = model.list_rows();
        model.log.go(0, height);
        let height = model.list_rows();
        model.log.go(0, height);
    } else {
        model.log.follow();
    }
}
