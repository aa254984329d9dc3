//! Curves over the number of objects, as SVG.

use std::path::Path;

use plotters::prelude::*;

use crate::Error;
use crate::row::Row;

/// A picture for each figure of the cold sync that was measured at several sizes, with the floor where there is one.
pub(crate) fn draw(folder: &Path, rows: &[Row]) -> Result<(), Error> {
    for (file, title, name) in [
        (
            "cold-time.svg",
            "Cold sync: seconds from start to last Ready",
            "start to last Ready",
        ),
        (
            "cold-memory.svg",
            "Cold sync: peak memory in MB",
            "peak memory (VmHWM)",
        ),
        (
            "cold-cpu.svg",
            "Cold sync: CPU per object in ms",
            "CPU per object",
        ),
    ] {
        let points: Vec<Point> = rows.iter().filter_map(|row| Point::of(row, name)).collect();
        if points.len() > 1 {
            curve(&folder.join(file), title, &points)?;
        }
    }
    Ok(())
}

struct Point {
    objects: f64,
    figure: f64,
    floor: Option<f64>,
}

impl Point {
    fn of(row: &Row, name: &str) -> Option<Self> {
        let (objects, rest) = row.name.split_once(" objects: ")?;
        (row.scenario == "cold" && rest == name).then_some(())?;
        Some(Self {
            objects: objects.parse().ok()?,
            figure: row.figure,
            floor: row.floor,
        })
    }
}

fn curve(path: &Path, title: &str, points: &[Point]) -> Result<(), Error> {
    let most = |of: fn(&Point) -> f64| points.iter().map(of).fold(0.0, f64::max);
    let right = most(|point| point.objects) * 1.05;
    let top = most(|point| point.figure.max(point.floor.unwrap_or(0.0))) * 1.1;
    let area = SVGBackend::new(path, (720, 400)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..right, 0.0..top)?;
    chart.configure_mesh().x_desc("objects").draw()?;
    for (label, color, of) in [
        (
            "keyferry",
            BLUE,
            (|point: &Point| Some(point.figure)) as fn(&Point) -> Option<f64>,
        ),
        ("floor", BLACK, |point: &Point| point.floor),
    ] {
        let line: Vec<(f64, f64)> = points
            .iter()
            .filter_map(|point| Some((point.objects, of(point)?)))
            .collect();
        if line.is_empty() {
            continue;
        }
        chart
            .draw_series(LineSeries::new(line, color.stroke_width(2)).point_size(4))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .border_style(BLACK)
        .draw()?;
    area.present()?;
    Ok(())
}
