//! The columns of a file's one row group: each a chunk of pages, packed, and what the footer says of them.

use super::delta::{encode, pack, varint};
use bytes::Bytes;
use parquet::{
    basic::{Compression, Encoding, ZstdLevel},
    column::{
        page::{CompressedPage, Page, PageWriter},
        writer::ColumnCloseResult,
    },
    data_type::Int64Type,
    errors::{ParquetError, Result},
    file::{
        metadata::ColumnChunkMetaData,
        statistics::Statistics,
        writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite},
    },
    schema::types::ColumnDescPtr,
};
use zstd::bulk::Compressor;

/// With whole bytes to work on, higher levels find less: they look for repetitions, of which there are none.
pub(super) const ZSTD_LEVEL: i32 = 1;

/// The row group, written column by column in the order of the schema.
pub(super) struct Columns<'a> {
    group: SerializedRowGroupWriter<'a, Vec<u8>>,
    left: std::vec::IntoIter<ColumnDescPtr>,
    // One for all columns: its tables are made once.
    packer: Compressor<'static>,
}

/// The pages of one column, as they become.
struct Chunk<'a> {
    packer: &'a mut Compressor<'static>,
    sink: TrackedWrite<Vec<u8>>,
    unpacked: usize,
    rows: usize,
    encodings: Vec<Encoding>,
    dictionary: bool,
    data_at: u64,
    statistics: Option<Statistics>,
}

fn bad(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ParquetError {
    ParquetError::External(error.into())
}

fn no_column() -> ParquetError {
    ParquetError::General("the schema has no further column".to_owned())
}

fn count(n: usize) -> Result<u32> {
    u32::try_from(n).map_err(bad)
}

impl<'a> Columns<'a> {
    /// `columns` are those of the schema.
    pub(super) fn new(group: SerializedRowGroupWriter<'a, Vec<u8>>, columns: Vec<ColumnDescPtr>) -> Result<Self> {
        let packer = Compressor::new(ZSTD_LEVEL).map_err(bad)?;
        Ok(Self { group, left: columns.into_iter(), packer })
    }

    /// Numbers of a column without nulls. `bounds` keeps their least and their largest in the footer.
    pub(super) fn numbers(&mut self, values: &[i64], bounds: bool) -> Result<()> {
        let mut chunk = Chunk::new(&mut self.packer, values.len());
        if bounds {
            let (least, most) = (values.iter().copied().min(), values.iter().copied().max());
            chunk.statistics = Some(Statistics::int64(least, most, None, Some(0), false));
        }
        chunk.data(&encode(values), Encoding::DELTA_BINARY_PACKED)?;
        let (bytes, close) = chunk.end(self.left.next().ok_or_else(no_column)?)?;
        self.group.append_column(&bytes, close)
    }

    /// Numbers of a column in which zero stands for "has none", and becomes a null.
    pub(super) fn optional(&mut self, values: &[i64]) -> Result<()> {
        if values.iter().all(|value| *value == 0) {
            return self.nulls(values.len());
        }
        self.left.next();
        let levels: Vec<i16> = values.iter().map(|value| i16::from(*value != 0)).collect();
        let present: Vec<i64> = values.iter().copied().filter(|value| *value != 0).collect();
        let mut column = self.group.next_column()?.ok_or_else(no_column)?;
        column.typed::<Int64Type>().write_batch(&present, Some(&levels), None)?;
        column.close()
    }

    fn nulls(&mut self, rows: usize) -> Result<()> {
        let mut run = Vec::new();
        varint(&mut run, (rows as u64).wrapping_shl(1));
        run.push(0);
        // The levels' length, the levels, and no value.
        let mut page = count(run.len())?.to_le_bytes().to_vec();
        page.append(&mut run);
        let mut chunk = Chunk::new(&mut self.packer, rows);
        chunk.data(&page, Encoding::PLAIN)?;
        let (bytes, close) = chunk.end(self.left.next().ok_or_else(no_column)?)?;
        self.group.append_column(&bytes, close)
    }

    /// Bytes, of which there are few different ones: each once, then which of them comes when.
    pub(super) fn bytes(&mut self, values: &[u8]) -> Result<()> {
        let mut known = [false; 256];
        for value in values {
            if let Some(slot) = known.get_mut(usize::from(*value)) {
                *slot = true;
            }
        }
        let (mut places, mut words, mut next) = ([0_u64; 256], Vec::new(), 0_u64);
        for ((word, place), _) in (0_i32..).zip(&mut places).zip(known).filter(|(_, known)| *known) {
            words.extend_from_slice(&word.to_le_bytes());
            *place = next;
            next = next.saturating_add(1);
        }
        let mut chunk = Chunk::new(&mut self.packer, values.len());
        chunk.dictionary(&words, next)?;
        chunk.data(&indices(values, &places, next), Encoding::RLE_DICTIONARY)?;
        let (bytes, close) = chunk.end(self.left.next().ok_or_else(no_column)?)?;
        self.group.append_column(&bytes, close)
    }

    pub(super) fn close(self) -> Result<()> {
        self.group.close().map(drop)
    }
}

/// Which word comes when, as one run: bits per index, then the indices.
fn indices(values: &[u8], places: &[u64; 256], words: u64) -> Vec<u8> {
    let bits = u64::BITS.saturating_sub(words.saturating_sub(1).leading_zeros());
    let width = u8::try_from(bits).unwrap_or(8).max(1);
    let mut page = vec![width];
    if words <= 1 {
        varint(&mut page, (values.len() as u64).wrapping_shl(1));
        page.push(0);
        return page;
    }
    varint(&mut page, (values.len().div_ceil(8) as u64).wrapping_shl(1) | 1);
    for eight in values.chunks(8) {
        let mut indices = [0; 8];
        for (index, value) in indices.iter_mut().zip(eight) {
            *index = places.get(usize::from(*value)).copied().unwrap_or_default();
        }
        pack(&mut page, &indices, width);
    }
    page
}

impl<'a> Chunk<'a> {
    fn new(packer: &'a mut Compressor<'static>, rows: usize) -> Self {
        let (sink, encodings) = (TrackedWrite::new(Vec::new()), Vec::new());
        Self { packer, sink, unpacked: 0, rows, encodings, dictionary: false, data_at: 0, statistics: None }
    }

    fn page(&mut self, page: impl FnOnce(Bytes) -> Page, plain: &[u8]) -> Result<u64> {
        let packed = self.packer.compress(plain).map_err(bad)?;
        let page = CompressedPage::new(page(packed.into()), plain.len());
        let written = SerializedPageWriter::new(&mut self.sink).write_page(page)?;
        self.unpacked = self.unpacked.saturating_add(written.uncompressed_size);
        Ok(written.offset)
    }

    fn data(&mut self, plain: &[u8], encoding: Encoding) -> Result<()> {
        let num_values = count(self.rows)?;
        let page = |buf| Page::DataPage {
            buf,
            num_values,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        self.data_at = self.page(page, plain)?;
        self.encodings.extend([encoding, Encoding::RLE]);
        Ok(())
    }

    fn dictionary(&mut self, plain: &[u8], words: u64) -> Result<()> {
        let num_values = u32::try_from(words).map_err(bad)?;
        self.page(|buf| Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: true }, plain)?;
        self.encodings.push(Encoding::PLAIN);
        self.dictionary = true;
        Ok(())
    }

    /// The pages, and what the footer says of them.
    fn end(self, column: ColumnDescPtr) -> Result<(Bytes, ColumnCloseResult)> {
        let bytes = Bytes::from(self.sink.into_inner()?);
        let number = |n: usize| i64::try_from(n).map_err(bad);
        let mut metadata = ColumnChunkMetaData::builder(column)
            .set_encodings(self.encodings)
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
            .set_num_values(number(self.rows)?)
            .set_total_compressed_size(number(bytes.len())?)
            .set_total_uncompressed_size(number(self.unpacked)?)
            .set_data_page_offset(i64::try_from(self.data_at).map_err(bad)?)
            .set_dictionary_page_offset(self.dictionary.then_some(0));
        if let Some(statistics) = self.statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: self.rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok((bytes, close))
    }
}
