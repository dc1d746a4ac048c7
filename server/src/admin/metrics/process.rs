//! Metrics of the process under the standard names of Prometheus clients. On Linux only.

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
        // Without a readable /proc there are no values to report.
        let Ok(usage) = linux::Usage::read() else { return Ok(()) };
        linux::encode(&usage, &mut encoder)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{fmt, fs, io};

    use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
    use prometheus_client::metrics::counter::ConstCounter;
    use prometheus_client::metrics::gauge::ConstGauge;
    use prometheus_client::registry::Unit;
    use rustix::process::{Resource, getrlimit};

    /// Clock ticks per second in /proc/PID/stat. The kernel's interface uses this value on all platforms that Rust
    /// supports, whatever the frequency of its timer.
    const TICKS_PER_SECOND: f64 = 100.0;

    /// The resources that this process uses.
    pub(super) struct Usage {
        cpu_seconds: f64,
        memory: Memory,
        open_descriptors: u64,
        descriptors_max: u64,
    }

    /// The values of /proc/self/status.
    #[derive(Debug, PartialEq, Eq)]
    struct Memory {
        resident_bytes: u64,
        virtual_bytes: u64,
        threads: u64,
    }

    impl Usage {
        pub(super) fn read() -> io::Result<Self> {
            let invalid = || io::Error::from(io::ErrorKind::InvalidData);
            // The directory is open while its entries are counted.
            let descriptors = fs::read_dir("/proc/self/fd")?.count().saturating_sub(1);
            Ok(Self {
                cpu_seconds: cpu_seconds(&fs::read_to_string("/proc/self/stat")?).ok_or_else(invalid)?,
                memory: memory(&fs::read_to_string("/proc/self/status")?).ok_or_else(invalid)?,
                open_descriptors: u64::try_from(descriptors).unwrap_or(u64::MAX),
                descriptors_max: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
            })
        }
    }

    /// CPU time of the process in /proc/self/stat: fields 14 (user) and 15 (system).
    fn cpu_seconds(stat: &str) -> Option<f64> {
        // Field 2 is the name of the program in parentheses, which may contain spaces and parentheses.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<f64>);
        let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
        Some((user + system) / TICKS_PER_SECOND)
    }

    /// The values of /proc/self/status, whose sizes are in KiB.
    fn memory(status: &str) -> Option<Memory> {
        let value = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Some(Memory {
            resident_bytes: value("VmRSS")? * 1024,
            virtual_bytes: value("VmSize")? * 1024,
            threads: value("Threads")?,
        })
    }

    pub(super) fn encode(usage: &Usage, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let cpu = ConstCounter::new(usage.cpu_seconds);
        let help = "CPU time of the process";
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
        let Memory { resident_bytes, virtual_bytes, threads } = usage.memory;
        gauge("process_resident_memory", "Resident memory", bytes.as_ref(), resident_bytes)?;
        gauge("process_virtual_memory", "Virtual memory", bytes.as_ref(), virtual_bytes)?;
        gauge("process_threads", "Threads", None, threads)?;
        gauge("process_open_fds", "Open file descriptors", None, usage.open_descriptors)?;
        gauge("process_max_fds", "Limit of open file descriptors", None, usage.descriptors_max)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn cpu_time_is_read_behind_a_name_with_parentheses() {
            let stat = "7 (a) b) (c) S 1 7 7 0 -1 4194304 98 0 0 0 250 50 0 0 20 0 3 0 100 1 2 3";
            assert_eq!(cpu_seconds(stat), Some(3.0));
            assert_eq!(cpu_seconds("7 (name) S 1 2"), None);
            assert_eq!(cpu_seconds(""), None);
        }

        #[test]
        fn memory_is_converted_to_bytes() {
            let status =
                "Name:\tVmRSS: 1\nVmPeak:\t  30 kB\nVmSize:\t  20 kB\nVmRSS:\t  10 kB\nThreads:\t3\n";
            let expected = Memory { resident_bytes: 10_240, virtual_bytes: 20_480, threads: 3 };
            assert_eq!(memory(status), Some(expected));
            assert_eq!(memory("VmSize:\t  20 kB\n"), None);
        }

        #[test]
        fn the_usage_of_this_process_is_plausible() {
            let file = fs::File::open("/proc/self/stat").unwrap();
            let usage = Usage::read().unwrap();
            drop(file);
            // Standard input, output and error, and the file.
            assert!(usage.open_descriptors >= 4 && usage.open_descriptors <= usage.descriptors_max);
            assert!(usage.memory.resident_bytes > 100_000);
            assert!(usage.memory.virtual_bytes >= usage.memory.resident_bytes);
            assert!(usage.memory.threads >= 1 && usage.cpu_seconds >= 0.0);
        }
    }
}
