//! What the process takes of its machine, under the names that Prometheus' own clients use. On Linux only.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

#[derive(Debug)]
pub(super) struct ProcessMetrics;

#[cfg(not(target_os = "linux"))]
impl Collector for ProcessMetrics {
    fn encode(&self, _: DescriptorEncoder<'_>) -> fmt::Result {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Where /proc cannot be read there is nothing to tell.
        let Ok(taken) = linux::Taken::read() else { return Ok(()) };
        linux::encode(&taken, &mut encoder)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fmt;

    use procfs::ProcResult;
    use procfs::process::{LimitValue, Process};
    use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
    use prometheus_client::metrics::counter::ConstCounter;
    use prometheus_client::metrics::gauge::ConstGauge;
    use prometheus_client::registry::Unit;

    pub(super) struct Taken {
        cpu_seconds: f64,
        resident_bytes: u64,
        virtual_bytes: u64,
        threads: i64,
        open_descriptors: usize,
        descriptors_max: u64,
    }

    impl Taken {
        pub(super) fn read() -> ProcResult<Self> {
            let process = Process::myself()?;
            let stat = process.stat()?;
            #[expect(clippy::cast_precision_loss, reason = "a sum of ticks that is far below 2^52")]
            let cpu_seconds = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
            let descriptors_max = match process.limits()?.max_open_files.soft_limit {
                LimitValue::Value(most) => most,
                LimitValue::Unlimited => u64::MAX,
            };
            Ok(Self {
                cpu_seconds,
                resident_bytes: stat.rss * procfs::page_size(),
                virtual_bytes: stat.vsize,
                threads: stat.num_threads,
                open_descriptors: process.fd_count()?,
                descriptors_max,
            })
        }
    }

    pub(super) fn encode(taken: &Taken, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let cpu = ConstCounter::new(taken.cpu_seconds);
        let help = "Time on the processors";
        cpu.encode(encoder.encode_descriptor(
            "process_cpu",
            help,
            Some(&Unit::Seconds),
            cpu.metric_type(),
        )?)?;
        let bytes = Some(Unit::Bytes);
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: u64| {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, unit, gauge.metric_type())?)
        };
        gauge("process_resident_memory", "Memory that is resident", bytes.as_ref(), taken.resident_bytes)?;
        gauge("process_virtual_memory", "Memory that is mapped", bytes.as_ref(), taken.virtual_bytes)?;
        gauge("process_threads", "Threads", None, taken.threads.unsigned_abs())?;
        gauge("process_open_fds", "Open descriptors", None, taken.open_descriptors as u64)?;
        gauge("process_max_fds", "Descriptors that may be open", None, taken.descriptors_max)
    }
}
