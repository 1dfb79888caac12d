namespace Keelson.Image.Tests.Places;

/// <summary>
/// Each cell of the table in docs/places.md is true. The rows are shared out among classes, which run side by side; a row
/// that is new on the page is tried as it is written, and one that nothing knows how to try fails.
/// </summary>
[Trait("Base", "Each")]
public abstract class PlacesTests
{
    private const int Shares = 3;

    protected static TheoryData<string> Share(int share) => new(
        Matrix.Rows.Select(row => row.Place).Where(place => place is not (Ways.Podman or Pause.Place)).Where((_, i) => i % Shares == share));

    protected static void Check(string place) => Place.Check(Matrix.Rows.Single(row => row.Place == place));
}

public sealed class FirstPlacesTests : PlacesTests
{
    public static TheoryData<string> Places => Share(0);

    [Theory]
    [MemberData(nameof(Places))]
    public void Each_cell_of_the_row_is_true(string place) => Check(place);
}

public sealed class SecondPlacesTests : PlacesTests
{
    public static TheoryData<string> Places => Share(1);

    [Theory]
    [MemberData(nameof(Places))]
    public void Each_cell_of_the_row_is_true(string place) => Check(place);
}

public sealed class ThirdPlacesTests : PlacesTests
{
    public static TheoryData<string> Places => Share(2);

    [Theory]
    [MemberData(nameof(Places))]
    public void Each_cell_of_the_row_is_true(string place) => Check(place);
}

public sealed class PausedPlacesTests : PlacesTests
{
    [Fact]
    public void Each_cell_of_the_row_of_a_pause_is_true() => Check(Pause.Place);
}

/// <summary>Nothing is said on the page, or known here, that is not tried.</summary>
public sealed class WholePlacesTests
{
    [Fact]
    public void Every_row_has_a_way_and_every_way_a_row()
    {
        string[] rows = [.. Matrix.Rows.Select(row => row.Place)];
        Assert.Equal(rows.Distinct(), rows);
        Assert.Equal([], rows.Where(place => !Ways.All.ContainsKey(place) && !Place.IsOptions(place)));
        Assert.Equal([], Ways.All.Keys.Except(rows));
    }

    [Fact]
    public void Every_cell_that_is_not_yes_has_a_proof_and_every_proof_a_cell()
    {
        (string, string)[] no = [.. Matrix.Rows.SelectMany(row => row.Cells.Where(cell => cell.Value != "yes").Select(cell => (row.Place, cell.Key)))];
        Assert.Equal(Ways.Exceptions.Keys.OrderBy(k => k), no.OrderBy(k => k));
        Assert.All(Matrix.Rows, row => Assert.All(row.Cells.Values, cell => Assert.True(cell == "yes" || cell.StartsWith("no: ", StringComparison.Ordinal), $"{row.Place}: {cell}")));
    }
}
