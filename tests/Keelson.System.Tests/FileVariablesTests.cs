using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>KEELSON_FILE_ENV under PID 1: the boot, its order and its failure.</summary>
public sealed class FileVariablesTests
{
    [Fact]
    public async Task Scripts_services_the_command_and_the_dumps_see_the_secret_and_not_where_it_was()
    {
        await using Sandbox s = new Sandbox().Write("/run/secrets/db", "s3cret\n").Write("/run/secrets/key", "k y\n")
            .Env("KEELSON_FILE_ENV", "1").Env("DB_PASSWORD_FILE", "/run/secrets/db").Env("FILE__API_KEY", "/run/secrets/key")
            .Startup("look", "env | grep -E 'DB|API' | sort >/tmp/script")
            .Service("web", "env | grep -E 'DB|API' | sort >/tmp/service.new; mv /tmp/service.new /tmp/service; exec sleep 10000");
        Assert.Equal(0, await s.Run("--", "sh", "-c", "until [ -e /tmp/service ]; do sleep 0.01; done; env | grep -E 'DB|API' | sort"));
        const string expected = "API_KEY=k y\nDB_PASSWORD=s3cret\n";
        Assert.Equal((expected, expected, expected), (s.Out.Text, s.Read("/tmp/script"), s.Read("/tmp/service")));
        Assert.Contains("export DB_PASSWORD='s3cret'", s.Read("/etc/container_environment.sh"), StringComparison.Ordinal);
        Assert.DoesNotContain("_FILE=", s.Read("/etc/container_environment.sh"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_secret_that_is_missing_ends_the_boot_before_anything_has_run()
    {
        await using Sandbox s = new Sandbox().Env("KEELSON_FILE_ENV", "1").Env("DB_PASSWORD_FILE", "/run/secrets/db").Env("API_KEY", "1").Env("FILE__API_KEY", "/run/secrets/key")
            .Startup("never", "echo script >>/tmp/order").Service("web", "echo service >>/tmp/order; exec sleep 10000");
        Assert.Equal(1, await s.Run("--", "sh", "-c", "echo command >>/tmp/order"));
        Assert.False(s.Exists("/tmp/order"));
        Assert.Equal("*** KEELSON_FILE_ENV: cannot read /run/secrets/db, which DB_PASSWORD_FILE names: no such file; mount the secret there, or name in KEELSON_FILE_ENV the variables that are to be read", Assert.Single(s.Said("DB_PASSWORD_FILE")));
        Assert.Equal("*** KEELSON_FILE_ENV: both API_KEY and FILE__API_KEY are set; keep one of them", Assert.Single(s.Said("API_KEY")));
    }

    [Fact]
    public async Task A_secret_that_the_containers_user_may_not_read_is_named_with_that_user()
    {
        await using Sandbox s = new Sandbox().AsUser("1000").Write("/run/secrets/db", "x", UnixFileMode.None).Env("KEELSON_FILE_ENV", "1").Env("DB_FILE", "/run/secrets/db");
        Assert.Equal(1, await s.Run("--", "true"));
        Assert.EndsWith("which DB_FILE names: permission denied; let user 1000 read it", Assert.Single(s.Said("DB_FILE")), StringComparison.Ordinal);
    }
}
