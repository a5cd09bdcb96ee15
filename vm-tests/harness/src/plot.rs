// SPDX-License-Identifier: BSD-2-Clause
//! A picture of ratios: a line for each row, a dot for each series.

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A series of ratios, one for each row; some rows may lack it.
pub struct Series {
    /// What the legend says.
    pub title: &'static str,
    /// In the order of the rows.
    pub values: Vec<Option<f64>>,
}

const WIDTH: i32 = 900;
/// Of the rows' names.
const LEFT: i32 = 260;
const RIGHT: i32 = WIDTH - 40;
const TOP: i32 = 108;
const LINE: i32 = 18;
/// What the axis shows; a dot beyond it sits on its edge, beside its number.
const FROM: f64 = 0.9;
const TO: f64 = 1.8;

const COLOURS: [RGBColor; 5] = [
    RGBColor(0x1b, 0x9e, 0x77),
    RGBColor(0xd9, 0x5f, 0x02),
    RGBColor(0x44, 0x44, 0x44),
    RGBColor(0x37, 0x5f, 0xd0),
    RGBColor(0xc0, 0x30, 0x80),
];

/// Draws the picture as SVG; what it holds for is written small.
pub fn draw(title: &str, holds_for: &[String], rows: &[&str], series: &[Series]) -> Result<String> {
    let mut svg = String::new();
    let height = TOP + LINE * (i32::try_from(rows.len())? + 2);
    {
        let size = (u32::try_from(WIDTH)?, u32::try_from(height)?);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE)?;
        let font = ("sans-serif", 12).into_font();
        let text =
            |horizontal| TextStyle::from(font.clone()).pos(Pos::new(horizontal, VPos::Center));
        let (left, middle, right) = (text(HPos::Left), text(HPos::Center), text(HPos::Right));
        let big =
            TextStyle::from(("sans-serif", 16).into_font()).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(title.to_owned(), (10, 20), big))?;
        let small =
            TextStyle::from(("sans-serif", 10).into_font()).pos(Pos::new(HPos::Left, VPos::Center));
        for (line, y) in holds_for.chunks(holds_for.len().div_ceil(2).max(1)).zip([38, 52]) {
            area.draw(&Text::new(line.join("; "), (10, y), small.clone()))?;
        }
        for ((series, colour), place) in series.iter().zip(COLOURS).zip(0..) {
            let x = 20 + 170 * place;
            area.draw(&Circle::new((x, 74), 4, colour.filled()))?;
            area.draw(&Text::new(series.title, (x + 10, 74), left.clone()))?;
        }
        let bottom = height - LINE;
        for tenth in 9..=18 {
            let ratio = f64::from(tenth) / 10.0;
            let strength = if tenth == 10 { 0.6 } else { 0.15 };
            let line = [(x_of(ratio), TOP - 8), (x_of(ratio), bottom - 8)];
            area.draw(&PathElement::new(line, BLACK.mix(strength)))?;
            area.draw(&Text::new(format!("{ratio:.1}"), (x_of(ratio), bottom), middle.clone()))?;
        }
        for (number, row) in rows.iter().enumerate() {
            let y = TOP + LINE * i32::try_from(number)?;
            area.draw(&Text::new((*row).to_owned(), (LEFT - 15, y), right.clone()))?;
            area.draw(&PathElement::new([(LEFT, y), (RIGHT, y)], BLACK.mix(0.08)))?;
            for (series, colour) in series.iter().zip(COLOURS) {
                let Some(ratio) = series.values.get(number).copied().flatten() else { continue };
                area.draw(&Circle::new((x_of(ratio), y), 4, colour.mix(0.8).filled()))?;
                if !(FROM..=TO).contains(&ratio) {
                    let (x, style) =
                        if ratio > TO { (RIGHT - 8, &right) } else { (LEFT + 8, &left) };
                    let style = style.clone().color(&colour);
                    area.draw(&Text::new(format!("{ratio:.2}"), (x, y), style))?;
                }
            }
        }
        area.present()?;
    }
    Ok(svg)
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to the picture")]
fn x_of(ratio: f64) -> i32 {
    let part = (ratio.clamp(FROM, TO) - FROM) / (TO - FROM);
    LEFT + (part * f64::from(RIGHT - LEFT)).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_rows_and_dots() -> Result<()> {
        let series = [Series { title: "late", values: vec![Some(1.5), None, Some(3.25)] }];
        let svg = draw("Ratios", &["today".to_owned()], &["one", "two", "three"], &series)?;
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for text in ["Ratios", "today", "late", "one", "two", "three", "3.25"] {
            assert!(svg.contains(text), "{text}");
        }
        // Two, and the legend's.
        assert_eq!(svg.matches("<circle").count(), 3);
        Ok(())
    }

    #[test]
    fn nothing_is_drawn_outside() {
        assert_eq!((x_of(0.1), x_of(9.0)), (LEFT, RIGHT));
        assert!(x_of(1.0) < x_of(1.1));
    }
}
