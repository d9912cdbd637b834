//! What the benches share: inputs with known answers, and other ways to the
//! same answers.

mod arrow_csv_reader;
mod naive;
mod plain_nom;
mod sample;

pub use arrow_csv_reader::decode_with_arrow_csv;
pub use naive::NaiveColumns;
pub use plain_nom::parse_with_nom;
pub use sample::{Answer, Reading, Sample};

#[cfg(test)]
mod tests {
    use vpcflow_record::CpuLevel;
    use vpcflow_synth::Layout;

    use super::*;

    #[test]
    fn every_way_gives_the_same_answer() {
        let sample = Sample::new(Layout::V2, 20_000);
        for cpu in CpuLevel::supported() {
            let reading = Reading::new(Layout::V2).at(cpu);
            assert_eq!(Answer::of(&reading.keep(&sample.text)), sample.answer);
            assert_eq!(
                Answer::of(&reading.keep_shared(&sample.buffer)),
                sample.answer
            );
            assert_eq!(reading.drop(&sample.text), sample.answer);
            assert_eq!(reading.drop_shared(&sample.buffer), sample.answer);
        }
        assert_eq!(
            Answer::of(&decode_with_arrow_csv(&sample.text)),
            sample.answer
        );
        assert_eq!(NaiveColumns::parse(&sample.text).answer(), sample.answer);
        assert_eq!(parse_with_nom(&sample.text), sample.answer);
    }

    #[test]
    fn wider_layouts_and_projections_give_the_same_answer() {
        for layout in [Layout::V2, Layout::V5, Layout::V11] {
            let sample = Sample::new(layout, 10_000);
            let batches = Reading::new(layout).of(&["bytes"]).keep(&sample.text);
            assert_eq!(Answer::of(&batches), sample.answer);
            assert_eq!(batches[0].num_columns(), 1);
        }
    }
}
