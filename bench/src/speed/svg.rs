//! Curves over two logarithmic axes as SVG, with the light or dark colours that the browser prefers. Pure.

use std::fmt::Write;

use crate::measure::verdict::number;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 210.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 52.0;
/// Distinguishable with colour blindness (palette of Okabe and Ito), and by the shapes of the marks.
const COLOURS: &[&str] = &["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a7500"];
const DARK: &[&str] = &["#56b4e9", "#e69f00", "#2fc79b", "#e3a6cb", "#f0e442"];

pub(crate) struct Chart {
    pub(crate) file: &'static str,
    pub(crate) title: &'static str,
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) lines: Vec<Line>,
}

pub(crate) struct Line {
    pub(crate) name: String,
    /// Points with a number that is not positive are left out.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Chart {
    pub(crate) fn draw(&self) -> String {
        let (across, up) =
            (Axis::over(self.points().map(|point| point.0)), Axis::over(self.points().map(|point| point.1)));
        let x = |value: f64| LEFT + across.share(value) * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - up.share(value) * (HEIGHT - TOP - BOTTOM);
        let mut out = self.head();
        for tick in across.ticks() {
            let (at, label) = (x(tick), short(tick));
            let (top, bottom) = (TOP, HEIGHT - BOTTOM);
            line(&mut out, (at, top), (at, bottom));
            text(&mut out, "middle", (at, bottom + 18.0), &label);
        }
        for tick in up.ticks() {
            let (at, label) = (y(tick), short(tick));
            line(&mut out, (LEFT, at), (WIDTH - RIGHT, at));
            text(&mut out, "end", (LEFT - 8.0, at + 4.0), &label);
        }
        text(&mut out, "middle", ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 12.0), self.x);
        let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
        let _ = writeln!(
            out,
            r#"<text class="t" text-anchor="middle" transform="translate(16 {middle:.0}) rotate(-90)">{}</text>"#,
            escape(self.y)
        );
        for (number, line) in self.lines.iter().enumerate() {
            self.line(&mut out, number, line, &x, &y);
        }
        out.push_str("</svg>\n");
        out
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.lines.iter().flat_map(|line| &line.points).copied().filter(is_drawable)
    }

    fn head(&self) -> String {
        let title = escape(self.title);
        let colours = |colours: &[&str]| {
            let rule = |(number, colour): (usize, &&str)| format!(".c{number}{{stroke:{colour};fill:{colour}}}");
            colours.iter().enumerate().map(rule).collect::<String>()
        };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             font-family=\"system-ui,sans-serif\" font-size=\"12\">\n<title>{title}</title>\n<style>\
             .b{{fill:#fff}}.t{{fill:#333}}.g{{stroke:#ddd;stroke-width:1}}.l{{fill:none!important;stroke-width:2}}{}\
             @media(prefers-color-scheme:dark){{.b{{fill:#15181c}}.t{{fill:#d0d4d9}}.g{{stroke:#333a42}}{}}}</style>\n\
             <rect class=\"b\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n\
             <text class=\"t\" x=\"{LEFT}\" y=\"24\" font-size=\"15\">{title}</text>\n",
            colours(COLOURS),
            colours(DARK)
        )
    }

    fn line(&self, out: &mut String, number: usize, line: &Line, x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) {
        let class = number % COLOURS.len();
        let places: Vec<(f64, f64)> =
            line.points.iter().filter(|point| is_drawable(point)).map(|point| (x(point.0), y(point.1))).collect();
        let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(out, r#"<polyline class="c{class} l" points="{}"/>"#, path.join(" "));
        places.iter().for_each(|place| mark(out, class, *place));
        let at = (WIDTH - RIGHT + 20.0, TOP + 10.0 + 24.0 * number as f64);
        mark(out, class, at);
        text(out, "start", (at.0 + 12.0, at.1 + 4.0), &line.name);
    }
}

fn is_drawable(point: &(f64, f64)) -> bool {
    point.0 > 0.0 && point.1 > 0.0 && point.0.is_finite() && point.1.is_finite()
}

fn mark(out: &mut String, class: usize, (x, y): (f64, f64)) {
    let _ = match class {
        0 => writeln!(out, r#"<circle class="c0" cx="{x:.1}" cy="{y:.1}" r="4"/>"#),
        1 => writeln!(out, r#"<rect class="c1" x="{:.1}" y="{:.1}" width="7" height="7"/>"#, x - 3.5, y - 3.5),
        // A diamond, a triangle, and a triangle upside down.
        2 => shape(out, class, (x, y), &[(0.0, -5.0), (5.0, 0.0), (0.0, 5.0), (-5.0, 0.0)]),
        3 => shape(out, class, (x, y), &[(0.0, -5.0), (5.0, 4.0), (-5.0, 4.0)]),
        _ => shape(out, class, (x, y), &[(0.0, 5.0), (5.0, -4.0), (-5.0, -4.0)]),
    };
}

fn shape(out: &mut String, class: usize, (x, y): (f64, f64), corners: &[(f64, f64)]) -> std::fmt::Result {
    let corners: Vec<String> =
        corners.iter().map(|corner| format!("{:.1},{:.1}", x + corner.0, y + corner.1)).collect();
    writeln!(out, r#"<polygon class="c{class}" points="{}"/>"#, corners.join(" "))
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64)) {
    let _ =
        writeln!(out, r#"<line class="g" x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}"/>"#, from.0, from.1, to.0, to.1);
}

fn text(out: &mut String, anchor: &str, (x, y): (f64, f64), text: &str) {
    let _ = writeln!(out, r#"<text class="t" text-anchor="{anchor}" x="{x:.1}" y="{y:.1}">{}</text>"#, escape(text));
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// With a unit prefix: `2k` for 2000, `1M` for a million.
fn short(value: f64) -> String {
    match value {
        large if large >= 1e9 => format!("{}G", number(large / 1e9).trim_end_matches(".00").trim_end_matches(".0")),
        large if large >= 1e6 => format!("{}M", number(large / 1e6).trim_end_matches(".00").trim_end_matches(".0")),
        large if large >= 1e3 => format!("{}k", number(large / 1e3).trim_end_matches(".00").trim_end_matches(".0")),
        small if small >= 1.0 => format!("{small:.0}"),
        small => number(small).trim_end_matches('0').to_owned(),
    }
}

/// The ends and grid lines of an axis, within each power of ten.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];
/// A longer axis has grid lines at the powers of ten only.
const FINE_POWERS_MAX: f64 = 3.0;
/// Tolerates the rounding of logarithms.
const TOLERANCE: f64 = 1e-9;

/// A logarithmic axis, no longer than its values need.
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>) -> Self {
        let (least, most) =
            values.fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        if !least.is_finite() {
            return Self { from: 1.0, to: 10.0 };
        }
        let power = |value: f64| 10_f64.powf(value.log10().floor());
        let below = STEPS.map(|step| step * power(least)).into_iter().rfind(|at| *at <= least * (1.0 + TOLERANCE));
        let above = STEPS.map(|step| step * power(most)).into_iter().find(|at| *at >= most * (1.0 - TOLERANCE));
        let from = below.unwrap_or(power(least));
        let to = above.unwrap_or(10.0 * power(most));
        Self { from, to: if to > from { to } else { 10.0 * from } }
    }

    fn powers(&self) -> f64 {
        (self.to / self.from).log10()
    }

    /// The position along the axis, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        (value / self.from).log10() / self.powers()
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let steps = if self.powers() > FINE_POWERS_MAX { &STEPS[..1] } else { &STEPS[..] };
        let powers = self.from.log10().floor() as i32..=self.to.log10().ceil() as i32;
        let (from, to) = (self.from * (1.0 - TOLERANCE), self.to * (1.0 + TOLERANCE));
        powers
            .flat_map(move |power| steps.iter().map(move |step| step * 10_f64.powi(power)))
            .filter(move |tick| (from..=to).contains(tick))
    }
}

#[cfg(test)]
mod tests {
    use super::{Axis, Chart, Line, short};

    #[test]
    fn axis_is_no_longer_than_its_values_need() {
        let check = |values: &[f64], wanted: &[f64]| {
            let ticks: Vec<f64> = Axis::over(values.iter().copied()).ticks().collect();
            let near = ticks.iter().zip(wanted).all(|(tick, wanted)| (tick / wanted - 1.0).abs() < 1e-9);
            assert!(near && ticks.len() == wanted.len(), "{values:?}: {ticks:?}");
        };
        check(&[3.0, 40.0], &[2.0, 5.0, 10.0, 20.0, 50.0]);
        check(&[0.4, 4_000.0], &[1.0, 10.0, 100.0, 1_000.0]);
        check(&[100.0, 1e6], &[100.0, 1e3, 1e4, 1e5, 1e6]);
        check(&[7.0], &[5.0, 10.0]);
        check(&[5.0], &[5.0, 10.0, 20.0, 50.0]);
        check(&[], &[1.0, 2.0, 5.0, 10.0]);
        let axis = Axis::over([1.0, 10_000.0].into_iter());
        assert_eq!((axis.share(1.0), axis.share(10_000.0), axis.share(100.0)), (0.0, 1.0, 0.5));
    }

    #[test]
    fn chart_names_its_axes_and_lines_and_leaves_out_points_without_a_logarithm() {
        let lines = vec![Line { name: "a<b".into(), points: vec![(1.0, 2.0), (10.0, 0.0), (100.0, 20.0)] }];
        let svg = Chart { file: "f.svg", title: "T & U", x: "across", y: "up", lines }.draw();
        for part in ["T &amp; U", "a&lt;b", ">across<", ">up<", "prefers-color-scheme:dark", "</svg>"] {
            assert!(svg.contains(part), "{part}");
        }
        // Two points and the one in the legend.
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn short_uses_unit_prefixes() {
        for (value, text) in
            [(0.1, "0.1"), (0.02, "0.02"), (1.0, "1"), (100.0, "100"), (1e3, "1k"), (1e4, "10k"), (1e6, "1M")]
        {
            assert_eq!(short(value), text);
        }
    }
}
