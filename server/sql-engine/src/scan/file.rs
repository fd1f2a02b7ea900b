//! A tick file, read a stretch at a time. A file that is not byte for byte what was listed is refused.

use super::batch::Raw;
use super::{Job, batch};
use crate::{
    layout::{self, BID, COLUMNS, EPOCH, FILE_BYTES_MAX, FLAGS, LAST, SEQ, SPREAD, TIME, VOLUME},
    view::ListedFile,
};
use bytes::Bytes;
use datafusion::{
    error::Result,
    parquet::{
        column::reader::{ColumnReaderImpl, get_typed_column_reader},
        data_type::{DataType, Int32Type, Int64Type},
        errors::{ParquetError, Result as Parquet},
        file::{
            metadata::FileMetaData,
            reader::{FileReader as _, SerializedFileReader},
        },
    },
};

/// Which of a file's columns are read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted([bool; COLUMNS]);

impl Wanted {
    /// What the table's columns at `places` are made of, and the times if rows are chosen by them.
    pub(super) fn of(places: &[usize], times: bool) -> Self {
        let has = |place: usize| places.contains(&place);
        let mut wanted = Self::default();
        let needs = [
            (TIME, times || has(batch::TIME)),
            (BID, has(batch::BID) || has(batch::ASK)),
            (SPREAD, has(batch::SPREAD) || has(batch::ASK)),
            (LAST, has(batch::LAST)),
            (VOLUME, has(batch::VOLUME)),
            (FLAGS, has(batch::FLAGS)),
            (EPOCH, has(batch::EPOCH)),
            (SEQ, has(batch::SEQ)),
        ];
        for (column, needed) in needs {
            if let Some(slot) = wanted.0.get_mut(column) {
                *slot = needed;
            }
        }
        wanted
    }

    fn has(&self, column: usize) -> bool {
        self.0.get(column).copied().unwrap_or(false)
    }
}

fn bad(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

type Long = ColumnReaderImpl<Int64Type>;
type Short = ColumnReaderImpl<Int32Type>;

/// The columns of one row group, each at the same row.
#[derive(Default)]
struct Group {
    left: usize,
    time: Option<Long>,
    bid: Option<Long>,
    spread: Option<Long>,
    last: Option<Long>,
    volume: Option<Long>,
    flags: Option<Short>,
    epoch: Option<Long>,
    seq: Option<Long>,
}

/// A file that is being read.
pub(super) struct FileReader {
    job: std::sync::Arc<Job>,
    file: ListedFile,
    reader: SerializedFileReader<Bytes>,
    wanted: Wanted,
    unit: i64,
    group: Group,
    next_group: usize,
    bytes: usize,
}

impl FileReader {
    pub(super) fn open(job: &std::sync::Arc<Job>, file: &ListedFile, wanted: Wanted) -> Result<Self> {
        let refuse =
            |source: Option<Box<dyn std::error::Error + Send + Sync>>| job.home.fail(job.home.damaged(file, source));
        let bytes = job.env.fs.read(&file.path, FILE_BYTES_MAX).map_err(|e| refuse(Some(e.into())))?;
        if bytes.len() as u64 != file.bytes || crc32c::crc32c(&bytes) != file.crc {
            return Err(refuse(None));
        }
        let size = bytes.len();
        let open = move || {
            let reader = SerializedFileReader::new(Bytes::from(bytes))?;
            let unit = check(file, reader.metadata().file_metadata())?;
            Parquet::Ok((reader, unit))
        };
        let (reader, unit) = open().map_err(|e: ParquetError| refuse(Some(e.into())))?;
        let bytes = size.saturating_add(unpacked(&reader, wanted));
        let (job, file) = (std::sync::Arc::clone(job), file.clone());
        Ok(Self { job, file, reader, wanted, unit, group: Group::default(), next_group: 0, bytes })
    }

    /// Memory that reading takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Begins a stretch of up to `most` rows with its times, if they are wanted; `None` at the end.
    pub(super) fn times(&mut self, most: usize) -> Result<Option<Raw>> {
        self.try_times(most).map_err(|e| self.refuse(e))
    }

    /// Passes over the other columns of a stretch.
    pub(super) fn skip(&mut self, rows: usize) -> Result<()> {
        self.try_skip(rows).map_err(|e| self.refuse(e))
    }

    /// Reads the other columns of a stretch.
    pub(super) fn fill(&mut self, raw: &mut Raw) -> Result<()> {
        self.try_fill(raw).map_err(|e| self.refuse(e))
    }

    fn refuse(&self, error: ParquetError) -> datafusion::error::DataFusionError {
        self.job.home.fail(self.job.home.damaged(&self.file, Some(error.into())))
    }

    fn try_times(&mut self, most: usize) -> Parquet<Option<Raw>> {
        while self.group.left == 0 {
            if self.next_group == self.reader.num_row_groups() {
                return Ok(None);
            }
            self.group = open_group(&self.reader, self.next_group, self.wanted)?;
            self.next_group = self.next_group.saturating_add(1);
        }
        let rows = self.group.left.min(most);
        self.group.left = self.group.left.saturating_sub(rows);
        Ok(Some(Raw { rows, unit: self.unit, time: whole(&mut self.group.time, rows)?, ..Raw::default() }))
    }

    fn try_skip(&mut self, rows: usize) -> Parquet<()> {
        let group = &mut self.group;
        let longs =
            [&mut group.bid, &mut group.spread, &mut group.last, &mut group.volume, &mut group.epoch, &mut group.seq];
        let skipped = |n: usize| if n == rows { Ok(()) } else { Err(bad("a column is too short")) };
        for column in longs.into_iter().flatten() {
            skipped(column.skip_records(rows)?)?;
        }
        match &mut group.flags {
            Some(flags) => skipped(flags.skip_records(rows)?),
            None => Ok(()),
        }
    }

    fn try_fill(&mut self, raw: &mut Raw) -> Parquet<()> {
        let (group, rows) = (&mut self.group, raw.rows);
        raw.bid = whole(&mut group.bid, rows)?;
        raw.spread = whole(&mut group.spread, rows)?;
        raw.last = with_gaps(&mut group.last, rows)?;
        raw.volume = with_gaps(&mut group.volume, rows)?;
        let flags = whole(&mut group.flags, rows)?;
        let byte = |flags: i32| u8::try_from(flags).map_err(|_| bad("flags beyond a byte"));
        raw.flags = flags.into_iter().map(byte).collect::<Parquet<_>>()?;
        let numbers = |values: Vec<i64>| values.into_iter().map(i64::cast_unsigned).collect();
        raw.epoch = numbers(whole(&mut group.epoch, rows)?);
        raw.seq = numbers(whole(&mut group.seq, rows)?);
        Ok(())
    }
}

/// Units of 10^-8 in one step of the file's prices, if the file is what the list and the layout say.
fn check(file: &ListedFile, meta: &FileMetaData) -> Parquet<i64> {
    let digits = layout::check(&file.source, meta)?;
    if u64::try_from(meta.num_rows()).ok() != Some(file.ticks) {
        return Err(bad("the file has another number of rows"));
    }
    Ok(layout::unit(digits))
}

/// Bytes of the wanted columns when they are unpacked.
fn unpacked(reader: &SerializedFileReader<Bytes>, wanted: Wanted) -> usize {
    let groups = reader.metadata().row_groups().iter();
    let columns = groups.flat_map(|group| group.columns().iter().enumerate());
    let sizes = columns.filter(|(place, _)| wanted.has(*place)).map(|(_, column)| column.uncompressed_size());
    sizes.map(|size| usize::try_from(size).unwrap_or(usize::MAX)).fold(0, usize::saturating_add)
}

fn open_group(reader: &SerializedFileReader<Bytes>, index: usize, wanted: Wanted) -> Parquet<Group> {
    let group = reader.get_row_group(index)?;
    let left = usize::try_from(group.metadata().num_rows()).map_err(|_| bad("a negative number of rows"))?;
    let open = |place: usize| wanted.has(place).then(|| group.get_column_reader(place)).transpose();
    // The types were checked when the file was opened.
    let long = |place: usize| Ok::<_, ParquetError>(open(place)?.map(get_typed_column_reader::<Int64Type>));
    Ok(Group {
        left,
        time: long(TIME)?,
        bid: long(BID)?,
        spread: long(SPREAD)?,
        last: long(LAST)?,
        volume: long(VOLUME)?,
        flags: open(FLAGS)?.map(get_typed_column_reader::<Int32Type>),
        epoch: long(EPOCH)?,
        seq: long(SEQ)?,
    })
}

/// The next values of a column without nulls; none if it is not wanted.
fn whole<T: DataType>(column: &mut Option<ColumnReaderImpl<T>>, rows: usize) -> Parquet<Vec<T::T>> {
    let Some(column) = column else { return Ok(Vec::new()) };
    let mut values = Vec::with_capacity(rows);
    column.read_records(rows, None, None, &mut values)?;
    if values.len() == rows { Ok(values) } else { Err(bad("a column is too short")) }
}

/// The next values of a column with nulls; none if it is not wanted.
fn with_gaps(column: &mut Option<Long>, rows: usize) -> Parquet<Vec<Option<i64>>> {
    let Some(column) = column else { return Ok(Vec::new()) };
    let (mut levels, mut values) = (Vec::with_capacity(rows), Vec::new());
    column.read_records(rows, Some(&mut levels), None, &mut values)?;
    let mut values = values.into_iter();
    let value = |level: &i16| if *level == 0 { Some(None) } else { values.next().map(Some) };
    let all: Option<Vec<_>> = levels.iter().map(value).collect();
    all.filter(|all| all.len() == rows).ok_or_else(|| bad("a column is too short"))
}
