//! The drawings as text: what is there, what is escaped, and that no number is ever broken.

use super::bar::{meter, pull};
use super::curve::{Curve, curve};
use super::heat::{heat, shades};
use super::histogram::{Mark, histogram};
use super::line::{Line, LineChart, lines};
use super::spark::spark;
use super::stacked::{Hatch, Series, Stacked, stacked};
use super::strip::strip;
use super::{Column, axis, number};

fn columns(n: usize) -> Vec<Column> {
    (0..n)
        .map(|i| Column {
            label: format!("{i} Nov"),
            title: format!("day {i}"),
        })
        .collect()
}

/// Well-formed: every element closed, no broken number, no inline style.
fn check(svg: &str) {
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    assert!(!svg.contains("style="), "{svg}");
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1) {
        let inside = tag.split('>').next().unwrap();
        if let Some(name) = inside.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.to_owned()));
        } else if !inside.ends_with('/') {
            open.push(inside.split(' ').next().unwrap().to_owned());
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

#[test]
fn axes_have_round_steps_and_cover_the_largest_value() {
    let cases = [
        (0.0, vec![0.0, 1.0]),
        (1.0, vec![0.0, 1.0]),
        (3.0, vec![0.0, 1.0, 2.0, 3.0]),
        (7.0, vec![0.0, 2.0, 4.0, 6.0, 8.0]),
        (100.0, vec![0.0, 50.0, 100.0]),
        (130.0, vec![0.0, 50.0, 100.0, 150.0]),
        (9_999.0, vec![0.0, 5_000.0, 10_000.0]),
    ];
    for (max, ticks) in cases {
        assert_eq!(axis(max).ticks, ticks, "{max}");
    }
    for max in [1e-9, 0.3, 2.0, 17.0, 1e6, 1e15, f64::MAX] {
        let axis = axis(max);
        assert!(
            axis.max >= max * 0.999 && axis.ticks.len() <= 7,
            "{max}: {axis:?}"
        );
    }
    assert_eq!(axis(f64::NAN), axis(0.0));
}

#[test]
fn coordinates_are_short_and_never_broken() {
    assert_eq!(number(1.0), "1");
    assert_eq!(number(1.005_1), "1.01");
    assert_eq!(number(-0.001), "0");
    assert_eq!(number(f64::INFINITY), "0");
}

#[test]
fn a_stack_is_as_high_as_the_sum_and_each_part_has_its_pattern() {
    let columns = columns(2);
    let series = [
        Series {
            key: "discord",
            label: "Discord",
            hatch: Hatch::Solid,
            values: vec![50, 0],
        },
        Series {
            key: "twitch",
            label: "Twitch",
            hatch: Hatch::Rising,
            values: vec![50, 20],
        },
    ];
    let svg = stacked(&Stacked {
        id: "m",
        title: "Messages",
        columns: &columns,
        series: &series,
    });
    let svg = svg.as_str();
    check(svg);
    assert!(svg.contains("role=\"img\"><title>Messages</title>"));
    // The axis ends at 100, so the first column fills the plot: 104 px each.
    assert!(
        svg.contains(
            "<rect x=\"5%\" y=\"114\" width=\"40%\" height=\"104\" fill=\"url(#m-discord)\"/>"
        ),
        "{svg}"
    );
    assert!(svg.contains(
        "<rect x=\"5%\" y=\"10\" width=\"40%\" height=\"104\" fill=\"url(#m-twitch)\"/>"
    ));
    assert!(svg.contains("<title>day 0: 100\nDiscord 50\nTwitch 50</title>"));
    assert!(svg.contains("<title>day 1: 20\nTwitch 20</title>"));
    assert!(svg.contains("id=\"m-twitch\"") && svg.contains("class=\"hatch\""));
}

#[test]
fn charts_stand_no_data_one_point_and_thousands() {
    for n in [0, 1, 2, 7, 130, 8_000] {
        let columns = columns(n);
        let series = [Series {
            key: "a",
            label: "A",
            hatch: Hatch::Dots,
            values: vec![3; n],
        }];
        check(
            stacked(&Stacked {
                id: "c",
                title: "t",
                columns: &columns,
                series: &series,
            })
            .as_str(),
        );
        let line = [Line {
            key: "a",
            label: "A",
            values: vec![Some(1.5); n],
        }];
        let svg = lines(&LineChart {
            title: "t",
            columns: &columns,
            lines: &line,
        });
        check(svg.as_str());
        let labels = svg.as_str().matches("<text class=\"x").count();
        let on_a_phone = labels - svg.as_str().matches(" wide\"").count();
        assert!(
            labels <= 10 && on_a_phone <= 4 && (n == 0 || on_a_phone >= 1),
            "{n}: {labels}, {on_a_phone}"
        );
    }
    check(
        stacked(&Stacked {
            id: "c",
            title: "t",
            columns: &columns(3),
            series: &[],
        })
        .as_str(),
    );
}

#[test]
fn what_people_wrote_cannot_become_markup() {
    let columns = [Column {
        label: "<b>".to_owned(),
        title: "\"><script>".to_owned(),
    }];
    let series = [Series {
        key: "a",
        label: "A",
        hatch: Hatch::Level,
        values: vec![1],
    }];
    let svg = stacked(&Stacked {
        id: "c",
        title: "a & b",
        columns: &columns,
        series: &series,
    });
    check(svg.as_str());
    assert!(!svg.as_str().contains("<script>") && svg.as_str().contains("a &amp; b"));
}

#[test]
fn a_gap_breaks_the_line_and_a_lone_point_is_a_dot() {
    let columns = columns(5);
    let line = [Line {
        key: "active",
        label: "Active",
        values: vec![Some(1.0), Some(2.0), None, Some(f64::NAN), Some(4.0)],
    }];
    let svg = lines(&LineChart {
        title: "t",
        columns: &columns,
        lines: &line,
    });
    check(svg.as_str());
    assert!(
        svg.as_str().contains("d=\"M100,166L300,114M900,10\""),
        "{}",
        svg.as_str()
    );
    assert_eq!(
        svg.as_str()
            .matches("<circle class=\"point l-active\" cx=\"90%\"")
            .count(),
        1
    );
}

#[test]
fn a_spark_needs_no_data_to_be_harmless() {
    assert_eq!(spark(&[]).as_str(), "");
    check(spark(&[5.0]).as_str());
    check(spark(&[0.0, 0.0]).as_str());
    check(spark(&[f64::NAN, -3.0, f64::INFINITY]).as_str());
    assert!(spark(&[0.0, 10.0]).as_str().contains("d=\"M0,22L100,2\""));
    assert!(spark(&vec![1.0; 9_000]).as_str().len() < 6_000);
}

#[test]
fn the_heat_map_has_168_cells_with_a_title_and_a_legend_that_covers_them() {
    let mut rows = vec![[0; 24]; 7];
    rows[0][14] = 100;
    rows[6][3] = 1;
    let svg = heat("Busy hours", &rows);
    check(svg.as_str());
    assert_eq!(svg.as_str().matches("class=\"cell ").count(), 168);
    assert!(
        svg.as_str()
            .contains("Monday 14:00–15:00 UTC: 100 messages")
    );
    assert!(svg.as_str().contains("Sunday 03:00–04:00 UTC: 1 message<"));
    assert!(svg.as_str().contains("cell h5") && svg.as_str().contains("cell h1"));
    let ranges: Vec<String> = shades(&rows).into_iter().map(|s| s.range).collect();
    assert_eq!(ranges, ["0", "1–4", "5–16", "17–36", "37–64", "65–100"]);
    check(heat("empty", &[]).as_str());
    assert_eq!(shades(&[]).len(), 1);
    // Two shades cannot share a count.
    let few: Vec<String> = shades(&[[2; 24]]).into_iter().map(|s| s.range).collect();
    assert_eq!(few, ["0", "1", "2"]);
}

#[test]
fn a_histogram_marks_where_something_begins_and_shows_every_count() {
    let marks = [
        Mark {
            at: 0.7,
            label: "likely <from> 70 %",
            is_tried: false,
        },
        Mark {
            at: f64::NAN,
            label: "tried",
            is_tried: true,
        },
    ];
    let mut bins = [0; 20];
    bins[19] = 1;
    bins[0] = 1_000_000;
    let drawing = histogram("Accounts", &bins, &marks);
    let svg = drawing.as_str();
    check(svg);
    assert_eq!(svg.matches("class=\"s-made\"").count(), 2, "{svg}");
    assert!(svg.contains("95–100 %: 1<"), "{svg}");
    assert!(svg.contains("likely &lt;from&gt; 70 %") && svg.contains("x1=\"70%\""));
    assert!(svg.contains("class=\"mark tried\" x1=\"0%\""), "{svg}");
    check(histogram("Nobody", &[], &[]).as_str());
}

#[test]
fn a_strip_has_a_line_for_each_time_and_none_outside() {
    let drawn = strip(&[0.0, 0.5, 7.0, -1.0, f64::NAN]);
    check(drawn.as_str());
    assert_eq!(drawn.as_str().matches("<line").count(), 4);
    assert!(drawn.as_str().contains("x1=\"50%\"") && !drawn.as_str().contains("700%"));
    check(strip(&[]).as_str());
}

#[test]
fn bars_stay_within_their_track_whatever_the_number() {
    for (share, width) in [(0.5, "50%"), (7.0, "100%"), (-1.0, "0%"), (f64::NAN, "0%")] {
        let bar = meter(share, "likely");
        check(bar.as_str());
        assert!(
            bar.as_str()
                .contains(&format!("width=\"{width}\" height=\"8\" rx=\"4\"/></svg>"))
        );
    }
    let towards = |value, most| pull(value, most).as_str().to_owned();
    assert!(towards(1.0, 2.0).contains("class=\"m-bot\" x=\"50%\" width=\"25%\""));
    assert!(towards(-2.0, 2.0).contains("class=\"m-human\" x=\"0%\" width=\"50%\""));
    for (value, most) in [
        (0.0, 0.0),
        (f64::INFINITY, 1.0),
        (3.0, 1.0),
        (f64::NAN, 1.0),
    ] {
        check(&towards(value, most));
    }
}

#[test]
fn a_curve_stays_within_its_plot_whatever_its_points_are() {
    let svg = curve(&Curve {
        title: "a <b>",
        lines: &[(
            "curve",
            &[(0.0, 0.0), (f64::NAN, 1.0), (0.5, 2.0), (3.0, 1.0)],
        )],
        has_diagonal: true,
    });
    check(svg.as_str());
    assert!(svg.as_str().contains("a &lt;b&gt;"));
    assert!(
        svg.as_str().contains("d=\"M0,218L500,10L1000,10\""),
        "{}",
        svg.as_str()
    );
    let none = curve(&Curve {
        title: "",
        lines: &[("left", &[])],
        has_diagonal: false,
    });
    check(none.as_str());
    assert!(!none.as_str().contains("<path"));
}

#[test]
fn of_two_curves_the_last_lies_on_top() {
    let svg = curve(&Curve {
        title: "two",
        lines: &[
            ("left", &[(0.0, 0.0), (1.0, 1.0)]),
            ("right", &[(0.0, 0.5), (1.0, 0.5)]),
        ],
        has_diagonal: false,
    });
    check(svg.as_str());
    let at = |part: &str| svg.as_str().find(part).unwrap();
    assert!(
        at("<path class=\"line l-left\" d=\"M0,218L1000,10\"/>")
            < at("<path class=\"line l-right\" d=\"M0,114L1000,114\"/>")
    );
}
