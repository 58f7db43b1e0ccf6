//! `passerelle ping`: measures how long the file server takes to answer.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use super::connect::session;
use super::failure::{Exit, Failure};
use super::output;
use crate::cli::PingArgs;

pub(super) async fn run(args: PingArgs) -> Result<Exit, Failure> {
    let session = session(&args.connect, 1).await?;
    let json = args.connect.json;
    let started = Instant::now();
    session.client.ping().await?;
    let connected = started.elapsed();
    if json {
        output::line(&json!({ "address": session.address, "connect_us": micros(connected) }).to_string())?;
    } else {
        output::line(&format!("{}: connected in {}", session.address, milliseconds(connected)))?;
    }
    let mut times = Vec::new();
    let mut lost = None;
    for number in 1..=args.count {
        if number > 1 {
            sleep(Duration::from_millis(args.interval)).await;
        }
        let time = match session.client.ping().await {
            Ok(time) => time,
            Err(error) => {
                lost = Some(error);
                break;
            }
        };
        times.push(time);
        if json {
            output::line(&json!({ "ping": number, "round_trip_us": micros(time) }).to_string())?;
        } else {
            output::line(&format!("{}: answered in {}", session.address, milliseconds(time)))?;
        }
    }
    if args.count > 1 && !times.is_empty() {
        output::line(&summary(json, &times))?;
    }
    lost.map_or(Ok(Exit::Done), |error| Err(error.into()))
}

fn summary(json: bool, times: &[Duration]) -> String {
    let least = times.iter().min().copied().unwrap_or_default();
    let most = times.iter().max().copied().unwrap_or_default();
    let sum: Duration = times.iter().sum();
    let mean = sum / u32::try_from(times.len()).unwrap_or(u32::MAX).max(1);
    if json {
        let (least, mean, most) = (micros(least), micros(mean), micros(most));
        json!({ "summary": { "pings": times.len(), "min_us": least, "mean_us": mean, "max_us": most } }).to_string()
    } else {
        let (least, mean, most) = (milliseconds(least), milliseconds(mean), milliseconds(most));
        format!("{} answers: minimum {least}, mean {mean}, maximum {most}", times.len())
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn milliseconds(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1000.0)
}
