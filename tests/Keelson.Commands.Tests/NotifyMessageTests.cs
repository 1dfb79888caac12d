using System.Text;
using CsCheck;
using Keelson.Commands.Notify;

namespace Keelson.Commands.Tests;

public sealed class NotifyMessageTests
{
    [Fact]
    public void A_receiver_that_splits_at_newlines_finds_exactly_what_was_added() =>
        Gen.Select(Gen.String[Gen.Char["ABC_"], 1, 5], Gen.String[Gen.Char["a=\n\0 é"], 0, 6]).Array[0, 5].Sample(assignments =>
        {
            var message = new NotifyMessage();
            var taken = new List<string>();
            foreach ((string variable, string value) in assignments)
            {
                string text = $"{variable}={value}";
                bool whole = !value.Contains('\n', StringComparison.Ordinal) && !value.Contains('\0', StringComparison.Ordinal);
                Assert.Equal(whole, message.Add(Encoding.UTF8.GetBytes(variable), Encoding.UTF8.GetBytes(value)) is null);
                if (whole)
                    taken.Add(text);
            }
            Assert.Equal(taken.Count == 0, message.IsEmpty);
            Assert.Equal(string.Join('\n', taken), Encoding.UTF8.GetString(message.ToArray()));
        });

    [Theory]
    [InlineData("")]
    [InlineData("word")]
    [InlineData("=value")]
    public void What_is_no_assignment_is_refused(string text) =>
        Assert.Contains("VARIABLE=VALUE", new NotifyMessage().Add(Encoding.UTF8.GetBytes(text)), StringComparison.Ordinal);
}
