using System.Globalization;
using k8s;
using k8s.Models;

namespace Keelson.Image.Tests.Examples;

/// <summary>
/// examples/kubernetes: the manifest is one that the API server takes, obeys the Pod Security Standard "restricted", and
/// its container runs with just these rights. There is no cluster here: Docker runs it with what the manifest says.
/// </summary>
public sealed class KubernetesTests : IDisposable
{
    private static readonly string s_manifest = File.ReadAllText(Path.Combine(Docker.Top, "examples/kubernetes/web.yaml"));
    private readonly string _volumes = Directory.CreateTempSubdirectory("keelson-kubernetes-").FullName;

    public void Dispose() => Directory.Delete(_volumes, recursive: true);

    // Strictly: a key that the API does not know, or knows in another place, is an error.
    private static List<object> Objects() => KubernetesYaml.LoadAllFromString(s_manifest, strict: true);

    private static V1PodTemplateSpec Template() => Objects().OfType<V1Deployment>().Single().Spec.Template;

    [Fact]
    public void The_manifest_is_of_the_types_of_the_Kubernetes_API_and_its_parts_refer_to_each_other()
    {
        List<object> objects = Objects();
        Assert.Equal([typeof(V1Namespace), typeof(V1Deployment), typeof(V1Service)], objects.Select(o => o.GetType()));
        var ns = (V1Namespace)objects[0];
        var deployment = (V1Deployment)objects[1];
        var service = (V1Service)objects[2];
        Assert.Equal("restricted", ns.Metadata.Labels["pod-security.kubernetes.io/enforce"]);
        Assert.All([deployment.Metadata, service.Metadata], m => Assert.Equal(ns.Metadata.Name, m.NamespaceProperty));
        Assert.Equal(deployment.Spec.Selector.MatchLabels, deployment.Spec.Template.Metadata.Labels);
        Assert.Equal(service.Spec.Selector, deployment.Spec.Template.Metadata.Labels);
        V1PodSpec pod = deployment.Spec.Template.Spec;
        Assert.All(pod.Containers.SelectMany(c => c.VolumeMounts), m => Assert.Contains(pod.Volumes, v => v.Name == m.Name));
        Assert.All(service.Spec.Ports, p => Assert.Contains(pod.Containers.SelectMany(c => c.Ports), c => c.Name == p.TargetPort));
        // A misspelt key is found.
        Assert.ThrowsAny<Exception>(() => KubernetesYaml.LoadAllFromString(s_manifest.Replace("runAsNonRoot", "runAsNonroot", StringComparison.Ordinal), strict: true));
    }

    [Fact]
    public void The_pod_obeys_the_restricted_profile()
    {
        Assert.Empty(Violations(Template().Spec));
        // What it would be told of without that.
        V1PodSpec bare = Template().Spec;
        bare.SecurityContext = null;
        bare.Containers[0].SecurityContext = new V1SecurityContext { Privileged = true };
        bare.Volumes.Add(new V1Volume { Name = "host", HostPath = new V1HostPathVolumeSource { Path = "/" } });
        Assert.Equal(["web: privileged", "web: allowPrivilegeEscalation", "web: capabilities", "web: runAsNonRoot", "web: seccompProfile", "volume host"], Violations(bare));
    }

    // Pod Security Standards, "Baseline" and "Restricted", control by control; for Linux.
    private static List<string> Violations(V1PodSpec pod)
    {
        var found = new List<string>();
        void Rule(bool holds, string name)
        {
            if (!holds)
                found.Add(name);
        }

        V1PodSecurityContext? all = pod.SecurityContext;
        Rule(pod.HostNetwork != true && pod.HostPID != true && pod.HostIPC != true, "host namespaces");
        Rule(all?.Sysctls is not { Count: > 0 }, "sysctls");
        Rule(all?.RunAsUser is not 0, "runAsUser");
        foreach (V1Container container in pod.Containers.Concat(pod.InitContainers ?? []))
        {
            V1SecurityContext own = container.SecurityContext ?? new V1SecurityContext();
            Rule(own.Privileged != true, $"{container.Name}: privileged");
            Rule(own.ProcMount is null or "Default", $"{container.Name}: procMount");
            Rule(own.AllowPrivilegeEscalation == false, $"{container.Name}: allowPrivilegeEscalation");
            Rule(own.Capabilities?.Drop?.Contains("ALL") == true && (own.Capabilities.Add ?? []).All(c => c == "NET_BIND_SERVICE"), $"{container.Name}: capabilities");
            Rule(own.RunAsNonRoot ?? all?.RunAsNonRoot ?? false, $"{container.Name}: runAsNonRoot");
            Rule(own.RunAsUser is not 0, $"{container.Name}: runAsUser");
            Rule((own.SeccompProfile ?? all?.SeccompProfile)?.Type is "RuntimeDefault" or "Localhost", $"{container.Name}: seccompProfile");
            Rule((own.SeLinuxOptions ?? all?.SeLinuxOptions) is null && (own.AppArmorProfile ?? all?.AppArmorProfile) is null, $"{container.Name}: SELinux, AppArmor");
            Rule((container.Ports ?? []).All(p => p.HostPort is null or 0), $"{container.Name}: hostPort");
        }
        foreach (V1Volume volume in pod.Volumes ?? [])
        {
            Rule(volume.EmptyDir is not null || volume.ConfigMap is not null || volume.Secret is not null || volume.Projected is not null
                || volume.DownwardAPI is not null || volume.Csi is not null || volume.Ephemeral is not null || volume.PersistentVolumeClaim is not null,
                $"volume {volume.Name}");
        }
        return found;
    }

    [Fact]
    public async Task The_container_runs_with_the_rights_of_the_manifest_and_loses_no_request_when_it_is_told_to_end()
    {
        V1PodSpec pod = Template().Spec;
        V1Container spec = pod.Containers[0];
        using Container container = Container.Start([.. Options(pod, spec), "-p", "127.0.0.1::8080", Docker.Example("kubernetes")]);
        int port = container.Port(spec.Ports[0].ContainerPort);
        using var web = new Web(port);
        container.Until("the startup probe succeeds", () => web.Get(spec.StartupProbe.HttpGet.Path).Status == 200);
        container.Must(container.Exec([.. spec.LivenessProbe.Exec.Command]).Status == 0, "the liveness probe");
        Outcome rights = container.Shell("id -u; grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/1/status; touch /root-is-writable");
        container.Must(rights.Status != 0 && System.Text.RegularExpressions.Regex.IsMatch(rights.Output, "^33\nCapEff:\\s+0+\nCapBnd:\\s+0+\nNoNewPrivs:\\s+1\nSeccomp:\\s+2\n$"), rights.ToString());
        container.Must(container.Exec("sv", "status", "cron").Output.StartsWith("down: ", StringComparison.Ordinal), "cron");

        // The kubelet's way: TERM at once, KILL after the grace period.
        Task<(int Status, string Body)> slow = web.GetAsync("?seconds=8");
        container.Until("the request has reached php-fpm", () => container.Shell("grep -c 'php-fpm.sock$' /proc/net/unix").Output.Trim() is not ("0" or "1"));
        Task stop = Task.Run(() => container.Stop("-t", pod.TerminationGracePeriodSeconds!.Value.ToString(CultureInfo.InvariantCulture)));
        container.Until("the readiness probe fails", () => web.Get(spec.ReadinessProbe.HttpGet.Path).Status == 503);
        container.Must(web.Get("").Status == 200, "a request while it drains");
        container.Must(container.Exec([.. spec.LivenessProbe.Exec.Command]).Status == 0, "the liveness probe while it drains");
        (int status, string body) = await slow;
        await stop;
        container.Must(status == 200 && body.EndsWith(" 1\n", StringComparison.Ordinal) && container.ExitStatus == 0, $"{status} {body}");
        container.Must(container.Logs().Contains("\"service\":\"nginx\"", StringComparison.Ordinal), "KEELSON_LOG=json");
    }

    // As a kubelet translates it; an emptyDir belongs to the group fsGroup and can be written by all.
    private IEnumerable<string> Options(V1PodSpec pod, V1Container container)
    {
        yield return $"--user={pod.SecurityContext.RunAsUser}:{pod.SecurityContext.RunAsGroup}";
        yield return $"--group-add={pod.SecurityContext.FsGroup}";
        if (container.SecurityContext.ReadOnlyRootFilesystem == true)
            yield return "--read-only";
        if (container.SecurityContext.AllowPrivilegeEscalation == false)
            yield return "--security-opt=no-new-privileges";
        foreach (string capability in container.SecurityContext.Capabilities.Drop)
            yield return $"--cap-drop={capability}";
        foreach (V1EnvVar variable in container.Env)
            yield return $"--env={variable.Name}={variable.Value}";
        yield return $"--memory={container.Resources.Limits["memory"].ToInt64()}";
        foreach (V1VolumeMount mount in container.VolumeMounts)
        {
            string directory = Path.Combine(_volumes, mount.Name);
            Docker.Execute("install", "", "-d", "-m", "2777", "-g", pod.SecurityContext.FsGroup!.Value.ToString(CultureInfo.InvariantCulture), directory).Must();
            yield return $"--volume={directory}:{mount.MountPath}";
        }
    }
}
