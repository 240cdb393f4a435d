"""Files: what is read, what counts as missing, and how a faulty file is told without quoting it."""

import pyarrow as pa
import pytest
from pyarrow import parquet

from securecompute.errors import InvalidRequest
from securecompute.records.dictionary import Column, Dictionary
from securecompute.records.files import READERS
from securecompute.records.sources import load

CODE = Dictionary((Column("code", "text"), Column("alive", "categorical", categories=("false", "true"))))


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refusal(source, dictionary=None):
    with pytest.raises(InvalidRequest) as caught:
        load(source, dictionary)
    return str(caught.value)


def test_empty_cells_and_the_usual_words_for_missing_are_missing(file):
    table = load(file("t.csv", 'age,sex\n1,f\n,\nNA,NA\nnull,""\n2,m\n'))
    assert table.to_pydict() == {"age": [1, None, None, None, 2], "sex": ["f", None, None, None, "m"]}


def test_nan_in_csv_is_a_number_and_not_missing(file):
    assert load(file("t.csv", "x,y\n1,a\nnan,b\n"))["x"].null_count == 0


def test_an_empty_line_is_a_missing_cell_where_there_is_one_column(file):
    assert load(file("t.csv", "x\n1\n\n2\n"))["x"].to_pylist() == [1, None, 2]


def test_a_line_break_in_quotes_belongs_to_the_cell(file):
    assert load(file("t.csv", 'x,y\n"a\nb",1\n'))["x"].to_pylist() == ["a\nb"]


def test_a_header_alone_is_an_empty_institution(file):
    table = load(file("t.csv", "age,sex\n"))
    assert table.num_rows == 0 and table.column_names == ["age", "sex"]


def test_a_declared_code_keeps_its_zeros_and_booleans_any_spelling(file):
    table = load(file("t.csv", "code,alive,extra\n007,TRUE,1\n1,False,2\n"), CODE)
    assert table.to_pydict() == {"code": ["007", "1"], "alive": ["true", "false"]}


def test_numbers_are_read_alike_wherever_the_decimals_start(file):
    cells = "\n".join(["x,y", *["1,a"] * 200_000, "1.5,a"])
    assert load(file("t.csv", cells))["x"].type == pa.float64()


@pytest.mark.parametrize("lines", [3, 200_000])
def test_numbers_and_text_in_one_csv_column_name_the_column_wherever_the_text_starts(file, lines):
    path = file("t.csv", "\n".join(["age,sex", *["61,f"] * lines, "sixty,m"]))
    expected = "file 't.csv': numbers and text are mixed in column 'age'. Correct the cells, or declare the type"
    assert refusal(path).startswith(expected)


def test_a_mixed_csv_column_can_be_declared_as_text(file):
    assert load(file("t.csv", "code\n1\n2a\n"), CODE)["code"].to_pylist() == ["1", "2a"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "", "file 't.csv' cannot be read as csv; it needs a header line"),
        ("t.csv", "a,b\n1,2,3\n", "file 't.csv' cannot be read as csv; .* the same number of cells in each line"),
        ("t.csv", b"a\xff,b\n1,2\n", "file 't.csv' cannot be read as csv; .* UTF-8"),
        ("t.csv", b"a,b\n1,\xff\n", "file 't.csv': column 'b' is binary, which cannot be used; save the file as UTF-8"),
        ("t.csv", "a,b,a\n1,2,3\n", "file 't.csv': the column name 'a' occurs twice"),
        ("t.csv", "a,b,A\n1,2,3\n", r"the column name 'A' occurs twice \(case ignored\)"),
        ("t.csv", "a,,c\n1,2,3\n", "file 't.csv': column 2 has no name"),
        ("t.parquet", "PAR1 no", "file 't.parquet' cannot be read as parquet; save it again"),
        ("t.feather", "no", "file 't.feather' cannot be read as feather"),
        ("t.arrow", b"\xff\xff\xff\xffno", "file 't.arrow' cannot be read as arrow"),
        ("t.xlsx", "", "'t.xlsx' is of unknown kind; expected a name ending in .parquet, .csv, .arrow, .feather"),
    ],
)
def test_a_faulty_file_is_named_without_its_folder(file, name, content, message):
    path = file(name, content)
    with pytest.raises(InvalidRequest, match=f"^.*{message}") as caught:
        load(path)
    assert str(path.parent) not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "age;bmi\n50;25,3\n", "file 't.csv' is separated by semicolons; save it with commas"),
        ("t.csv", "age;sex\n50;f\n", "write.csv, not write.csv2"),
        ("t.csv", "age\tsex\n50\tf\n", "file 't.csv' is separated by tabs"),
        ("t.csv", 'age,bmi\n50,"25,3"\n51,"24,0"\n', "numbers have a decimal comma in column 'bmi'; write a point"),
    ],
)
def test_a_spreadsheet_with_decimal_commas_is_refused_with_the_remedy(file, name, content, message):
    assert message in refusal(file(name, content))


def test_a_text_that_looks_like_a_decimal_comma_may_be_declared_as_text(file):
    path = file("t.csv", 'code,alive\n"1,2",true\n')
    assert load(path, CODE)["code"].to_pylist() == ["1,2"]


def test_semicolons_inside_cells_are_nobodys_business(file):
    assert load(file("t.csv", "drug;dose,n\na;1,2\n")).column_names == ["drug;dose", "n"]


def test_a_file_that_may_not_be_read_says_so(file, monkeypatch):
    def forbidden(*_):
        raise PermissionError

    monkeypatch.setitem(READERS, ".csv", forbidden)
    assert refusal(file("t.csv", "a\n1\n")) == ("file 't.csv' may not be read by the user who runs this; change that")


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_folder_is_no_file(tmp_path, name):
    (tmp_path / name).mkdir()
    assert refusal(tmp_path / name) == f"'{name}' is a folder; name the one file that holds the records"


def test_a_missing_file_is_named_without_its_folder(tmp_path):
    assert refusal(tmp_path / "gone.parquet") == "file 'gone.parquet' was not found; check its folder and name"
    assert "was not found" in refusal(str(tmp_path / "x.csv"))


def test_the_row_labels_of_pandas_are_no_column(tmp_path):
    parquet.write_table(pa.table({"x": [1], "__index_level_0__": [7]}), tmp_path / "t.parquet")
    assert load(tmp_path / "t.parquet").column_names == ["x"]


def test_folder_names_make_no_columns(tmp_path):
    folder = tmp_path / "year=2024"
    folder.mkdir()
    parquet.write_table(pa.table({"x": [1]}), folder / "t.parquet")
    assert load(folder / "t.parquet").column_names == ["x"]
