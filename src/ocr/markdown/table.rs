//! A table as a GFM pipe table, or as HTML where cells are merged.
//! Its size in text grows with its cells and its grid, never faster.

use std::fmt::Write;

use super::escape::{cell, html};
use crate::ocr::document::{Cell, Table};

/// Appends the table, without a line break at its end.
pub(super) fn table(table: &Table, out: &mut String) {
    if table.rows == 0 || table.cols == 0 {
        return;
    }
    let mut cells: Vec<&Cell> = table.cells.iter().filter(|cell| cell.row < table.rows && cell.col < table.cols).collect();
    cells.sort_by_key(|cell| (cell.row, cell.col));
    if cells.iter().any(|cell| cell.row_span > 1 || cell.col_span > 1) {
        spanned(table.rows, &cells, out);
    } else {
        piped(table.rows, table.cols, &cells, out);
    }
}

fn piped(rows: u32, cols: u32, cells: &[&Cell], out: &mut String) {
    let mut cells = cells.iter().peekable();
    for row in 0..rows {
        if row > 0 {
            out.push('\n');
        }
        out.push('|');
        for col in 0..cols {
            out.push(' ');
            let mut any = false;
            while let Some(found) = cells.next_if(|cell| (cell.row, cell.col) == (row, col)) {
                let text = cell(&found.text);
                any |= !text.is_empty();
                out.push_str(&text);
            }
            out.push_str(if any { " |" } else { "|" });
        }
        if row == 0 {
            out.push_str("\n|");
            out.push_str(&" --- |".repeat(cols as usize));
        }
    }
}

fn spanned(rows: u32, cells: &[&Cell], out: &mut String) {
    let mut cells = cells.iter().peekable();
    out.push_str("<table>\n");
    for row in 0..rows {
        out.push_str("<tr>");
        while let Some(found) = cells.next_if(|cell| cell.row == row) {
            out.push_str("<td");
            for (name, span) in [("rowspan", found.row_span), ("colspan", found.col_span)] {
                if span > 1 {
                    // Writing to a String cannot fail.
                    let _ = write!(out, " {name}=\"{span}\"");
                }
            }
            let _ = write!(out, ">{}</td>", html(&found.text));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>");
}
