// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {AssetFactory} from "../src/AssetFactory.sol";
import {Grants} from "../src/Grants.sol";
import {Ledger} from "../src/Ledger.sol";
import {Stakes} from "../src/Stakes.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {StakesFixture} from "./StakesFixture.sol";

/// What verifiers lose who contradict themselves, or as many others as must agree; and guardians with two logs.
contract AttestationsTest is StakesFixture {
    string private constant MESSAGES = "../specs/vectors/messages.json";
    string private constant LOG_HEAD_TYPE =
        "LogHead(address guardian,uint32 chain,uint64 count,bytes32 head,uint64 time)";
    string private constant ATTESTATION_TYPE =
        "Attestation(address asset,bytes32 contribution,address owner,bytes32 partsRoot,bytes32 evidenceResultsHash,bytes32 tagsHash,bytes32 nullifier,uint64 words,uint64 announcedBlock,bytes32 policyHash,uint64 verifierSetVersion,bytes32 codeVersion)";
    uint256 private constant FIELDS = 12;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < verifierKeys.length; i++) {
            deposit(verifierKeys[i], 5000);
        }
    }

    function facts() private view returns (Stakes.Facts memory) {
        return Stakes.Facts(
            address(token), "contribution", stranger, "parts", "results", "tags", "nullifier", 100, 7, "policy", 1, "code"
        );
    }

    function copied(Stakes.Facts memory f) private pure returns (Stakes.Facts memory) {
        return abi.decode(abi.encode(f), (Stakes.Facts));
    }

    /// The same facts but for one field.
    function without(Stakes.Facts memory f, uint256 field) private pure returns (Stakes.Facts memory other) {
        bytes memory words = abi.encode(f);
        assembly ("memory-safe") {
            let at := add(add(words, 32), mul(field, 32))
            mstore(at, add(mload(at), 1))
        }
        return abi.decode(words, (Stakes.Facts));
    }

    function signed(uint256 key, Stakes.Facts memory f) private view returns (bytes memory) {
        return signature(key, stakes.attestationDigest(f));
    }

    function twoCall(uint256 key, Stakes.Facts memory a, Stakes.Facts memory b) private view returns (bytes memory) {
        return abi.encodeCall(stakes.showTwoAttestations, (a, signed(key, a), b, signed(key, b)));
    }

    /// Facts that the first `n` verifiers signed against what the last one did.
    function outvotedCall(Stakes.Facts memory a, uint256 n, Stakes.Facts memory b) private view returns (bytes memory) {
        bytes[] memory signatures = new bytes[](n);
        for (uint256 i = 0; i < n; i++) {
            signatures[i] = signed(verifierKeys[i], a);
        }
        return abi.encodeCall(stakes.showOutvoted, (a, signatures, b, signed(verifierKeys[2], b)));
    }

    function shown(bytes memory call) private {
        vm.prank(stranger);
        (bool ok,) = address(stakes).call(call);
        vm.assertTrue(ok, "shown");
    }

    function refusesShow(bytes memory call, bytes4 why) private {
        refuses(address(stakes), call, abi.encodeWithSelector(why));
    }

    function test_DigestsAreThoseOfTheVectors() public {
        string memory json = vm.readFile(MESSAGES);
        uint256 found;
        for (uint256 i = 0; vm.keyExistsJson(json, string.concat(".vectors[", vm.toString(i), "]")); i++) {
            string memory where = string.concat(".vectors[", vm.toString(i), "]");
            bytes32 name = keccak256(bytes(vm.parseJsonString(json, string.concat(where, ".name"))));
            bytes32 digest;
            if (name == keccak256("Attestation")) {
                vm.chainId(vm.parseJsonUint(json, string.concat(where, ".domain.chainId")));
                Stakes clone = Stakes(Clones.clone(factory.stakesImplementation()));
                Ledger its = Ledger(vm.parseJsonAddress(json, string.concat(where, ".domain.verifyingContract")));
                clone.initialize(dollar, grants, its, address(timelock));
                digest = clone.attestationDigest(
                    abi.decode(vm.parseJsonType(json, string.concat(where, ".message"), ATTESTATION_TYPE), (Stakes.Facts))
                );
            } else if (name == keccak256("LogHead")) {
                vm.chainId(vm.parseJsonUint(json, string.concat(where, ".domain.chainId")));
                digest = stakes.logHeadDigest(
                    abi.decode(vm.parseJsonType(json, string.concat(where, ".message"), LOG_HEAD_TYPE), (Stakes.LogHead))
                );
            } else {
                continue;
            }
            vm.assertEq(digest, vm.parseJsonBytes32(json, string.concat(where, ".digest")), "digest");
            found++;
        }
        vm.assertEq(found, 2, "both");
    }

    function test_VerifierWhoSignsTwoFactsOfOneContributionLosesAll() public {
        uint256 key = verifierKeys[2];
        address who = vm.addr(key);
        vm.prank(who);
        stakes.unstake(who, 1000, 0, "");
        // A fact of each kind contradicts: asset, owner, evidence results, tags, nullifier, words.
        uint256[6] memory kinds = [uint256(0), 2, 4, 5, 6, 7];
        for (uint256 i = 0; i < kinds.length; i++) {
            Stakes.Facts memory a = facts();
            a.contribution = bytes32(i);
            uint256 all = stakes.stakeOf(who).active + stakes.stakeOf(who).leaving;
            shown(twoCall(key, a, without(a, kinds[i])));
            slashed(2 * i + 1, who, address(timelock), all - all / 10);
            vm.assertEq(stakes.slashingOf(2 * i).to, stranger, "who showed it");
            vm.assertEq(stakes.slashingOf(2 * i).amount, all / 10, "gets a tenth");
            vm.assertEq(stakes.activeOf(who) + stakes.stakeOf(who).leaving, 0, "nothing is left");
            deposit(key, 5000);
        }
    }

    function test_AnswersToOtherQuestionsContradictNothing() public {
        uint256 key = verifierKeys[0];
        Stakes.Facts memory a = facts();
        refusesShow(twoCall(key, a, a), Stakes.NoContradiction.selector);
        // Of another contribution or other parts, as of another block, under another policy, set or code; with other words each.
        uint256[6] memory asked = [uint256(1), 3, 8, 9, 10, 11];
        for (uint256 i = 0; i < asked.length; i++) {
            Stakes.Facts memory other = without(a, asked[i]);
            other.words = 99;
            refusesShow(twoCall(key, a, other), Stakes.NoContradiction.selector);
            refusesShow(outvotedCall(a, 2, other), Stakes.NoContradiction.selector);
        }
        Stakes.Facts memory b = without(a, 7);
        // Two verifiers, or signatures of nobody.
        refusesShow(
            abi.encodeCall(stakes.showTwoAttestations, (a, signed(key, a), b, signed(verifierKeys[1], b))),
            Stakes.NoContradiction.selector
        );
        refusesShow(abi.encodeCall(stakes.showTwoAttestations, (a, "", b, "")), Stakes.NoContradiction.selector);
        // Shown once, and not again after a new deposit.
        shown(twoCall(key, a, b));
        deposit(key, 5000);
        refusesShow(twoCall(key, b, a), Stakes.NoContradiction.selector);
    }

    function test_OutvotedVerifierLosesATenth() public {
        address who = vm.addr(verifierKeys[2]);
        vm.prank(who);
        stakes.unstake(who, 1000, 0, "");
        Stakes.Facts memory a = facts();
        // Words, or with the same evidence tags or nullifier.
        uint256[3] memory kinds = [uint256(7), 5, 6];
        uint256 all = 5000;
        for (uint256 i = 0; i < kinds.length; i++) {
            a.contribution = bytes32(i);
            bytes memory call = outvotedCall(a, 2, without(a, kinds[i]));
            shown(call);
            uint256 part = all / 10;
            slashed(2 * i + 1, who, address(timelock), part - part / 10);
            vm.assertEq(stakes.slashingOf(2 * i).to, stranger, "who showed it");
            vm.assertEq(stakes.slashingOf(2 * i).amount, part / 10, "gets a tenth of it");
            all -= part;
            vm.assertEq(stakes.activeOf(who) + stakes.stakeOf(who).leaving, all, "the rest stays");
            refusesShow(call, Stakes.NoContradiction.selector);
        }
        // Words follow from the parts alone.
        a.contribution = "other evidence";
        shown(outvotedCall(a, 2, without(without(a, 7), 4)));
        // Who was outvoted and then signs otherwise loses the rest.
        shown(twoCall(verifierKeys[2], a, without(a, 7)));
        vm.assertEq(stakes.activeOf(who), 0, "nothing is left");
    }

    /// A member and a node can show each verifier other evidence; nobody honest may lose anything by it, nor by what changes with time.
    function test_WhatDependsOnTheEvidenceOutvotesNobodyWithOtherEvidence() public {
        Stakes.Facts memory a = facts();
        refusesShow(outvotedCall(a, 2, a), Stakes.NoContradiction.selector);
        Stakes.Facts memory b = without(a, 4);
        refusesShow(outvotedCall(a, 2, b), Stakes.NoContradiction.selector);
        refusesShow(outvotedCall(a, 2, without(b, 5)), Stakes.NoContradiction.selector);
        refusesShow(outvotedCall(a, 2, without(b, 6)), Stakes.NoContradiction.selector);
        // Who it is for follows from the contribution's identifier, and no node takes another.
        refusesShow(outvotedCall(a, 2, without(a, 0)), Stakes.NoContradiction.selector);
        refusesShow(outvotedCall(a, 2, without(a, 2)), Stakes.NoContradiction.selector);
    }

    function test_FewerThanMustAgreeOutvoteNobody() public {
        bytes4 no = Stakes.NotAgreed.selector;
        Stakes.Facts memory a = facts();
        Stakes.Facts memory b = without(a, 7);
        bytes memory ofB = signed(verifierKeys[2], b);
        refusesShow(outvotedCall(a, 1, b), no);
        bytes[] memory two = new bytes[](2);
        // One twice, in the wrong order, one who is no verifier, one who is no verifier of that set, one who signed something else.
        (two[0], two[1]) = (signed(verifierKeys[0], a), signed(verifierKeys[0], a));
        refusesShow(abi.encodeCall(stakes.showOutvoted, (a, two, b, ofB)), no);
        two[0] = signed(verifierKeys[1], a);
        refusesShow(abi.encodeCall(stakes.showOutvoted, (a, two, b, ofB)), no);
        (two[0], two[1]) = (signed(verifierKeys[0], a), "");
        refusesShow(abi.encodeCall(stakes.showOutvoted, (a, two, b, ofB)), no);
        two[1] = signed(verifierKeys[1], b);
        refusesShow(abi.encodeCall(stakes.showOutvoted, (a, two, b, ofB)), no);
        for (uint256 i = 0; i < runnerKeys.length; i++) {
            (two[0], two[1]) = vm.addr(runnerKeys[i]) < vm.addr(verifierKeys[0])
                ? (signed(runnerKeys[i], a), signed(verifierKeys[0], a))
                : (signed(verifierKeys[0], a), signed(runnerKeys[i], a));
            refusesShow(abi.encodeCall(stakes.showOutvoted, (a, two, b, ofB)), no);
        }
        Stakes.Facts memory later = copied(a);
        later.verifierSetVersion = 2;
        refusesShow(outvotedCall(later, 2, without(later, 7)), no);
        // Nobody's signature is outvoted.
        (two[0], two[1]) = (signed(verifierKeys[0], a), signed(verifierKeys[1], a));
        refusesShow(abi.encodeCall(stakes.showOutvoted, (a, two, b, "")), Stakes.NoContradiction.selector);
    }

    function test_AsManyOutvoteAsHadToAgreeInThatSet() public {
        AssetFactory.AssetParams memory p = params("three of three");
        p.threshold = 3;
        useAsset(p);
        deposit(verifierKeys[2], 5000);
        Stakes.Facts memory a = facts();
        refusesShow(outvotedCall(a, 2, without(a, 7)), Stakes.NotAgreed.selector);
        // A later set has another threshold; what its verifiers were asked before is settled by the rule of then.
        (address[] memory verifiers, bytes32[] memory recipients) = verifierSet(verifierKeys);
        vm.prank(founder);
        registry.setVerifiers(verifiers, recipients, 1);
        refusesShow(outvotedCall(a, 2, without(a, 7)), Stakes.NotAgreed.selector);
        a.verifierSetVersion = 2;
        refusesShow(outvotedCall(a, 1, without(a, 7)), Stakes.NotAgreed.selector); // one against one settles nothing
        shown(outvotedCall(a, 2, without(a, 7)));
    }

    function testFuzz_TwoFactsContradictExactlyWhenTheQuestionIsOne(uint256 field, uint256 other) public {
        (field, other) = (field % FIELDS, other % FIELDS);
        Stakes.Facts memory a = facts();
        Stakes.Facts memory b = without(without(a, field), other);
        bool can = isAnswer(field) && isAnswer(other);
        (bool ok,) = address(stakes).call(twoCall(verifierKeys[0], a, b));
        vm.assertTrue(ok == can, "contradicts");
    }

    // Two logs of a guardian

    function headsCall(uint256 key, Stakes.LogHead memory a, uint256 other, Stakes.LogHead memory b)
        private
        view
        returns (bytes memory)
    {
        bytes memory ofA = signature(key, stakes.logHeadDigest(a));
        bytes memory ofB = signature(other, stakes.logHeadDigest(b));
        return abi.encodeCall(stakes.showTwoLogHeads, (a, ofA, b, ofB));
    }

    function headOf(address guardian) private pure returns (Stakes.LogHead memory) {
        return Stakes.LogHead(guardian, 1, 10, "head", 1000);
    }

    function test_GuardianWithTwoLogsLosesATenthOnceForEachChain() public {
        uint256 key = guardianKeys[0];
        address who = vm.addr(key);
        deposit(key, 5000);
        Stakes.LogHead memory a = headOf(who);
        Stakes.LogHead memory b = headOf(who);
        (b.head, b.time) = ("another", 2000);
        shown(headsCall(key, a, key, b));
        slashed(1, who, address(timelock), 450);
        vm.assertEq(stakes.slashingOf(0).to, stranger, "who showed it");
        vm.assertEq(stakes.slashingOf(0).amount, 50, "gets a tenth of it");
        vm.assertEq(stakes.activeOf(who), 4500, "the rest stays");
        // All that follows in two logs is the same matter; another chain of it is another.
        (a.count, b.count) = (11, 11);
        refusesShow(headsCall(key, a, key, b), Stakes.NoContradiction.selector);
        (a.chain, b.chain) = (2, 2);
        shown(headsCall(key, a, key, b));
        vm.assertEq(stakes.activeOf(who), 4050, "a tenth of the rest");
    }

    function test_HeadsOfOneLogContradictNothing() public {
        (uint256 key, uint256 other) = (guardianKeys[0], guardianKeys[1]);
        bytes4 no = Stakes.NoContradiction.selector;
        Stakes.LogHead memory a = headOf(vm.addr(key));
        Stakes.LogHead memory b = headOf(vm.addr(key));
        b.time = 2000; // published again
        refusesShow(headsCall(key, a, key, b), no);
        (b.head, b.count) = ("next", 11);
        refusesShow(headsCall(key, a, key, b), no);
        (b.count, b.chain) = (10, 2);
        refusesShow(headsCall(key, a, key, b), no);
        (b.chain, b.guardian) = (1, vm.addr(other));
        refusesShow(headsCall(key, a, other, b), no);
        refusesShow(headsCall(key, a, key, b), no);
        // What somebody else signed in its name.
        b.guardian = a.guardian;
        refusesShow(headsCall(key, a, other, b), no);
        refusesShow(headsCall(other, a, key, b), no);
        refusesShow(headsCall(other, a, other, b), no);
        (a.guardian, b.guardian) = (address(0), address(0));
        refusesShow(abi.encodeCall(stakes.showTwoLogHeads, (a, "", b, "")), no);
    }

    function isAnswer(uint256 field) private pure returns (bool) {
        return field == 0 || field == 2 || (field >= 4 && field <= 7);
    }
}
