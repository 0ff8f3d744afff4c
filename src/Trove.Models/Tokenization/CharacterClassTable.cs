namespace Trove.Models.Tokenization;

/// <summary>The data of <see cref="CharacterClasses"/>.</summary>
internal static class CharacterClassTable
{
    /// <summary>
    /// Classes of all code points from U+0000 to U+10FFFF in runs, white space between them: a letter of <see cref="Letters"/>, then
    /// how many code points when more than one.
    /// </summary>
    public const string Runs = """
        .9s5.18s.15d10.7u26.4w.l26.10s.26s.9o.7n2.l.3no.n3.u23.u7l24.l8ulululululululululululululululululululululululululululul2ulululululululul2ululululululu
        lululululululululululululululululu2lulul3u2lulu2lu3l2u4lu2lu3l3u2lu2lululu2lul2ulu2lu3lulu2l2oul3o4u2lu2lu2lulululululululul2ululululululululul2u2lulu
        3lululululululululululululululululululululululululululululul7u2lu2l2ulu4lulululul69ol27o18.4o12.14o5.7o.o.17m112ululo.ul.2ol3.u.6u.u3.u.u2lu17.u9l35ul
        2u3l3ulululululululululululul5ul.ulu2l2u51l48ululululululululululululululululul.m7ulululululululululululululululululululululululululululu2lulululululu
        l2ulululululululululululululululululululululululululululululululululululululululululululululululul.u38.2o.6l41.8m45.m.m2.m2.m.8o27.4o4.29m11.5o43m21d1
        0.4o2mo99.om7.2m6o2m2.m4o2d10o3.2o.16omo30m27.2o89m11o.14d10o33m9o2.4o.2m.2o22m4om9om3om5.18o25m3.4o11.5o24.o6.8m9o42m24.m33o54m3om18om7o10m2.2d10.o16
        m3.o8.2o2.2o22.o7.o.3o4.2mom7.2m2.2m3o.8m.4o2.o3m2.2d10o2.2n6.2o.m.2m3.o6.4o2.2o22.o7.o2.o2.o2.2m.m5.4m2.2m3.3m.7o4.o.7d10m2o3m.11m3.o9.o3.o22.o7.o2.o
        5.2mom8.m3.m3.2o.15o2m2.2d10.9om6.m3.o8.2o2.2o22.o7.o2.o5.2mom7.2m2.2m3.7m3.4o2.o3m2.2d10.on6.10mo.o6.3o3.o4.3o2.o.o2.3o2.3o3.3o12.4m5.3m3.m4.2o.6m.14
        d10n3.13m5o8.o3.o23.o16.2mom7.m3.m4.7m2.o3.2o.2o2m2.2d10.8n7.om3.o8.o3.o23.o10.o5.2mom7.m3.m4.7m2.6o2.o2m2.2d10.o2m.12m4o9.o3.o41m2om7.m3.m4o.5o3mn7o3
        m2.2d10n9.o6.m3.o18.3o24.o9.o.2o7.3m.4m6.m.m8.6d10.2m2.13o48mo2m7.5o7m8.d10.39o2.o.o5.o24.o.o10mo2m9o.2o5.o.m7.d10.2o4.32o.23m2.6d10n10.m.m.m.4m2o8.o3
        6.4m20.m2o5m11.m36.9m.57o43m20od10.6o6m4o4m3om3o2m7o3m4o13m12omd10m4.2u38.u.5u.2l43.ol3o329.o4.2o7.o.o4.2o41.o4.2o33.o4.2o7.o.o4.2o15.o57.o4.2o67.2m3.
        9n20.3o16.16u86.2l6.3o620.2o17so26.5o75.3d3o8.7o18m4.9o19m3.11o18m2.12o13.o3.m2.12o52m32.3o.4om.2d10.6n10.17m3.md10.6o89.7o5m2o34mo.5o70.10o31.m12.4m1
        2.10d10o30.2o5.11o44.4o26.6d10n.37o23m5.4o53m10.m29.2md10.6d10.13o.8m31.49m5o47m17o8.3d10.17m9.12m3o30m13o2d10o44m14.12o36m20.8d10.3o3d10o36.2l9ul.5u4
        3.2u3.16m3.m21o4mo6mo2m3o.5l44o63l13ol34o37m64ulululululululululululululululululululululululululululululululululululululululululululululululululululul
        ululululululululululululululululululululululul9ululululululululululululululululululululululululululululululululululululululululululululululululul9u8l6
        .2u6.2l8u8l8u8l6.2u6.2l8.u.u.u.ul8u8l14.2l8u8l8u8l8u8l5.l2u5.l.3l3.l2u5.3l4.2l2u4.4l8u5.5l3.l2u5.3s11.w2.26s2.5s.15w2.19w.10s.16no.2n6.5on10.6o13.51m3
        3.17u.4u.2lu3l2u3l.u.3u5.6u.u.u.u4.lu4lo4l.2l2u2.5ul4.4l.n16d35uld4n.726n60.26w52n22.630n30.1132u48l48ulu3l2ulululu4lul2ul6o2u3lululululululululululul
        ulululululululululululululululululululululululululululululululululululululul2.6ululm3ul.9n.2l38.l.5l.2o56.7o.15mo23.9o7.o7.o7.o7.o7.o7.o7.o7.m32.47o.4
        64s.4o2d.25d9m6.o5.2d3o2.4o86.2m2.2o3.o90.o4.5o43.o94.3n4.10o32.48o16.32n10.30n8.n15.32n10.39n15.320o6592.64o22157.67o46.2o269.3o16d10o2.20ulululululu
        lulululululululululululululululululom4.m10.oululululululululululululululo2m2o70d10m2.37o9.2ululululululul3ulululululululululululululululululululululul
        ulululululululululol8ululu2lululululo.2ululoulul3ululululululululululu5lu5lulululululululu4lulu2l.2ul.l.lulululu.21o3ulo3lo7mo3mo4mo23m5.4m.3n6.10o52.
        12m2o50m18.10d10.6m18o6.3o.o2md10o28m8.2o23m13.12o29.3m4o47m14.14od10.6o5mo10d10o5.o41m14.9o3mo8m2.2d10.6o23.3om3o50mom3o2m2o5m2omo.24o3.2o11m5.2o3m2.
        10o6.2o6.2o6.9o7.o7.l43.o4l9o.6l80o35m8.m2.2d10.6o11172.12o23.4o49.8452o366.2o106.38l7.12l5.5omo10.o13.o5.o.o2.o2.o108.33o363.18o64.2o54.40o12.4m16.16
        m16.3w2.24w3.32o5.o135.19d10.7u26.4w.l26.11o89.3o6.2o6.2o6.2o3.35o12.o26.o19.o2.o15.2o14.34o123.12n45.12d53n4.17n2.113m.130o29.3o49.15mn27.4o32n4.9o20
        do8d.5o38m5.5o30.2o36.4o8.d5.42u40l40o78.2d10.6u36.4l36.4o40.8o52.12u11.u15.u7.u2.l11.l15.l7.l2.3o52.12o311.9o22.10o8.24o6.o42.o9.69o6.2o.o44.o2.3o.2o
        23.2n8o23.2n7o31.8n9.48o19.o2.5n5o22n6.4o26.70o56.4n2o2n16.2n46om3.m2.5m4o4.o3.o29.2m3.4mn9.23o29n2.o29n3.32o8.o28m2.4n5.16o54.10o22.2n8o19.5n8o18.23n
        7.80o73.55u51.13l51.7n6o36m4.8d10.6d10o6u22.3m5.ol22.218n31.o42.m2.3o2.16o3.55m4o29n10o.8o22m11n4.27o18m4.42o21n7.20o23.9m3o53m15.11n20d10mo2m2o.9m4o4
        5m11.7m.13o25.7d10.6m3o36m14.d10.4om2o.8o35m.2o.9m3o48m14o4.4m4.m2d10o.o.4n20.11o18.o25m12.6mo2m.62o7.o.o4.o15.o10.7o47m12.5d10.6m4.o8.2o2.2o22.o7.o2.
        o5.m2om7.2m2.2m3.2o.6m.5o5m2.2m7.3m5.11o10.o.2o.o38.om9.m.2m.m4.m5omo.13m2.29o53m18o4.5d10.4mo3.30o48m20o2.o.8d10.166o47m7.2m9.23o4m2.34o48m17.3o.11d1
        0.38o43m13o.7d10.6d20.28o27.2m15.4d10n2.4o7.185o44m15.101u32l32d10n9.12o8.2o.2o8.o2.o24m6.m2.2m4omom2.12d10.70o8.2o39m7.2m7o.om.27om10o40m7om4.8m.8om1
        1o46m16.3o.18o73.199o33.15d10.6o9.o37m8.m8o.15d10n19.5o30.2m22.m14.73o7.o2.o38m6.3m.m2.m7om.8d10.6o6.o2.o32m5.m2.m5o.7d10.310o19m4.9m2omo13.o34m7.3m5.
        13d10m.85o.15n21.43o922.102d111.17o196.2636o97.15o1072.16mo6m15.10o3995.5o583.6841o30m18d10.1734o569.7o31.d10.6o79.d10.6o30.2m5.11o48m7.9o4.12d10.n7.o
        21.5o19.432o45.3d10.198u32l32n23.105o75.4mom55.7m4o13.64o2.om.11m2.14o6136.8o1238.41o10.8935o4.o7.o2.o291.15o.29o3.2o.14o4.8o396.2308o107.5o13.3o9.7o1
        0.3m2.4177d10.518m46.2m23.542m5.3m6.8m8.2m7.30m4.148m3.123n20.12n20.108n25.135u26l26u26l7.l18u26l26u.u2.2u.2u2.2u4.u8l4.l.l7.l11u26l26u2.u4.2u8.u7.l26
        u2.u4.u5.u.3u7.l26u26l26u26l26u26l26u26l26u26l26u26l28.2u25.l25.l6u25.l25.l6u25.l25.l6u25.l25.l6u25.l25.l6ul.2d50.512m55.4m50.8m.14m.22m5.m15.1104l10o
        l20.6l6.213m7.m17.2m7.m2.m5.5o62.33m.112o45.3m7o7.2d10.4o.321o30m.17o44m4d10.470o28m4d10.214o30m2od10.485o7.o4.o2.o15.o197.2n9m7.41u34l34m7o.4d10.791n
        59.n3.n4.76n45.n15.194o4.o27.o2.o.2o.o10.o4.o.o.6o.4o.o.o.o3.o2.o.2o.o.o.o.o.o2.o.2o4.o7.o4.o4.o.o10.o17.5o3.o5.o17.580n13.35w26.6w26.6w26.2662d10.103
        0o42720.32o4154.6o222.2o5762.14o7473.15o622.2466o542.1506o4939.5o4192.712016m240.196112
        """;

    /// <summary>What a letter of <see cref="Runs"/> stands for.</summary>
    public static CharacterClass Letters(char letter) => letter switch
    {
        '.' => CharacterClass.None,
        's' => CharacterClass.Space,
        'u' => CharacterClass.Letter | CharacterClass.Upper | CharacterClass.Word,
        'l' => CharacterClass.Letter | CharacterClass.Lower | CharacterClass.Word,
        'o' => CharacterClass.Letter | CharacterClass.Upper | CharacterClass.Lower | CharacterClass.Word,
        'm' => CharacterClass.Upper | CharacterClass.Lower | CharacterClass.Word,
        'd' => CharacterClass.Number | CharacterClass.Word,
        'n' => CharacterClass.Number,
        'w' => CharacterClass.Word,
        _ => throw new ArgumentOutOfRangeException(nameof(letter)),
    };
}
