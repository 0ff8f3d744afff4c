using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Trove.Node.Operations;

/// <summary>What operators expect of a server: health, an orderly stop, a disk that does not fill up.</summary>
public static class OperationsSetup
{
    /// <summary>Adds the services.</summary>
    public static IServiceCollection AddOperations(this IServiceCollection services, DiskSpace disk, bool telemetry)
    {
        services.AddSingleton(disk).AddSingleton<SpaceGuard>().AddSingleton<NodeHealth>();
        services.AddSingleton<Drain>().AddHostedService(s => s.GetRequiredService<Drain>());
        services.AddSingleton<IHostLifetime, NoSignals>();
        if (telemetry)
            services.AddHostedService<TelemetrySampler>();
        services.Configure<HostOptions>(o =>
        {
            o.ShutdownTimeout = Drain.Limit + TimeSpan.FromSeconds(15);
            // A dead worker shows in /health/live, where whoever runs the node decides; ending with code 0 would hide it.
            o.BackgroundServiceExceptionBehavior = BackgroundServiceExceptionBehavior.Ignore;
        });
        return services;
    }

    /// <summary>Before all endpoints, and after what answers exceptions.</summary>
    public static void UseOperations(this WebApplication app)
    {
        var (drain, space) = (app.Services.GetRequiredService<Drain>(), app.Services.GetRequiredService<SpaceGuard>());
        app.Use(drain.InvokeAsync);
        app.Use(space.InvokeAsync);
    }
}
