namespace Keelson.Image.Tests;

/// <summary>"Fixes APT incompatibilities with Docker", and "Upgrading the operating system inside the container".</summary>
[Trait("Base", "Each")]
public sealed class AptTests
{
    [Fact]
    public void The_system_is_upgraded_as_the_manual_says_and_our_own_files_stay()
    {
        Outcome run = Docker.MyInit("sh", "-c", "md5sum /etc/crontab /etc/syslog-ng/syslog-ng.conf >/tmp/sums && apt-get update -qq && apt-get upgrade -qq -y -o Dpkg::Options::='--force-confold' && apt-get install -qq -y --reinstall -o Dpkg::Options::='--force-confold' cron debianutils syslog-ng-core openssh-server && md5sum -c --quiet /tmp/sums && readlink /sbin/initctl /usr/bin/ischroot");
        run.Must(run.Status == 0 && run.Output.EndsWith("/bin/true\n/bin/true\n", StringComparison.Ordinal));
    }

    [Fact]
    public void A_package_that_is_installed_starts_no_service()
    {
        Outcome run = Docker.MyInit("sh", "-c", "install_clean memcached >/dev/null && ps -C memcached -o pid=; invoke-rc.d cron start; echo status $?; initctl list; ischroot && echo in a chroot");
        run.Must(run.Status == 0 && run.Output == "status 0\nin a chroot\n");
        run.Must(run.Error.Contains("policy-rc.d denied execution of start", StringComparison.Ordinal));
    }

    [Fact]
    public void No_initial_RAM_disk_is_made_when_a_package_brings_the_tools_for_it()
    {
        Outcome run = Docker.MyInit("sh", "-c", "install_clean initramfs-tools-core initramfs-tools >/dev/null && update-initramfs -c -k all && ls -A /boot; readlink /usr/sbin/update-initramfs; echo $INITRD");
        run.Must(run.Status == 0 && run.Output == "/bin/true\nno\n");
    }

    [Fact]
    public void Package_sources_may_be_https_ones()
    {
        // The package index itself may be on a network that has none.
        Outcome run = Docker.MyInit("sh", "-c", "apt-get -v >/dev/null && ls /usr/lib/apt/methods/https; grep -c 'BEGIN CERTIFICATE' /etc/ssl/certs/ca-certificates.crt");
        run.Must(run.Output.StartsWith("/usr/lib/apt/methods/https\n", StringComparison.Ordinal) && run.Output.Length > "/usr/lib/apt/methods/https\n10".Length);
    }

    [Fact]
    public void The_locale_is_en_US_UTF_8_and_it_is_the_only_one_besides_the_bases_own()
    {
        Outcome run = Docker.MyInit("bash", "-c", "locale -a; locale charmap; LC_ALL=C.UTF-8 locale charmap; printf 'ä' | wc -m; . /etc/default/locale; echo $LANG");
        run.Must(run == new Outcome(0, "C\nC.utf8\nen_US.utf8\nPOSIX\nUTF-8\nUTF-8\n1\nen_US.UTF-8\n", run.Error));
    }

    [Fact]
    public void The_package_locales_that_others_pull_in_leaves_en_US_UTF_8_in_place()
    {
        Outcome run = Docker.MyInit("bash", "-c", "install_clean locales >/dev/null && locale -a; locale charmap; cat /etc/default/locale | grep ^LANG=");
        run.Must(run == new Outcome(0, "C\nC.utf8\nen_US.utf8\nPOSIX\nUTF-8\nLANG=en_US.UTF-8\n", run.Error));
    }

    [Fact]
    public void The_tools_of_the_original_are_there_and_python_is_not()
    {
        Outcome run = Docker.MyInit("sh", "-c", "for name in curl less vim killall fuser pstree ssh logrotate crontab logger setuser install_clean sv; do command -v $name >/dev/null || echo $name is missing; done; command -v python3 python perl6; curl --version | grep -o https | head -n 1; [ -s /etc/ssl/certs/ca-certificates.crt ] && echo certificates");
        run.Must(run.Output == "https\ncertificates\n");
    }
}
