using System.Collections.Frozen;
using Trove.Core;

namespace Trove.Exports;

/// <summary>
/// Words about one's health, in English, German, French and Spanish: a list, not an understanding. It shows a member that such things
/// are in an export; it finds neither all of them nor only them.
/// </summary>
internal static class HealthWords
{
    private static readonly FrozenSet<string> All = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "abortion", "addiction", "adhd", "aids", "alcoholic", "allergy", "alzheimer", "anorexia", "antidepressant", "antidepressants", "anxiety", "arthritis", "asthma", "autism", "autistic", "biopsy", "bipolar",
        "bulimia", "cancer", "chemo", "chemotherapy", "cholesterol", "chlamydia", "contraceptive", "covid", "dementia", "depressed", "depression", "diabetes", "diabetic", "diagnosed", "diagnosis", "dialysis", "disability",
        "dyslexia", "eczema", "endometriosis", "epilepsy", "fibromyalgia", "gonorrhea", "hepatitis", "herpes", "hiv", "hospital", "hypertension", "hysterectomy", "infertility", "insomnia", "insulin", "ivf",
        "leukemia", "lupus", "mastectomy", "medication", "melanoma", "menopause", "migraine", "miscarriage", "ocd", "opioid", "overdose", "pcos", "pregnancy", "pregnant", "prescription", "prozac", "psoriasis",
        "psychiatrist", "psychosis", "psychotherapy", "ptsd", "rehab", "schizophrenia", "seizure", "ssri", "suicidal", "suicide", "surgery", "syphilis", "therapist", "tumor", "tumour", "xanax", "zoloft",
        "abtreibung", "allergie", "alkoholiker", "antidepressiva", "asthmaanfall", "behinderung", "blutdruck", "brustkrebs", "chemotherapie", "demenz", "depressionen", "diagnose", "epilepsie", "fehlgeburt", "krankenhaus",
        "krebs", "magersucht", "medikament", "medikamente", "migräne", "psychiater", "psychose", "psychotherapie", "schlaganfall", "schwanger", "schwangerschaft", "selbstmord", "sucht", "suizid", "therapeut", "therapeutin", "zuckerkrankheit",
        "avortement", "cancéreux", "dépression", "enceinte", "grossesse", "hôpital", "médicament", "ordonnance", "psychiatre", "suicidaire", "thérapeute", "vih",
        "aborto", "cáncer", "depresión", "diabético", "embarazada", "embarazo", "enfermedad", "medicamento", "psiquiatra", "sida", "suicidio", "terapeuta");

    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Lookup = All.GetAlternateLookup<ReadOnlySpan<char>>();

    public static void Find(string text, List<RedactionSpan> spans)
    {
        foreach (var word in Words.Split(text))
        {
            if (!Lookup.Contains(word))
                continue;
            text.AsSpan().Overlaps(word, out int start);
            spans.Add(new RedactionSpan(start, word.Length, "health"));
        }
    }
}
